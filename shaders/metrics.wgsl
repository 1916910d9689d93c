// Metrics of a pass.

struct Metrics {
    correct: atomic<u32>,
    loss: f32,
    // The first micro-batch with a NaN or infinite value, and the place in it.
    fault_batch: atomic<u32>,
    fault_place: atomic<u32>,
    // Factor of the gradients, from gradient clipping.
    scale: f32,
}
