// Metrics of a pass. `batches` counts micro-batches from the start of the epoch, and so is the position in its order.

struct Metrics {
    batches: u32,
    correct: u32,
    loss: f32,
    // The first micro-batch with a NaN or infinite value, counted from 1, and the place in it.
    fault_batch: atomic<u32>,
    fault_place: atomic<u32>,
    // Factor of the gradients, from gradient clipping.
    scale: f32,
}
