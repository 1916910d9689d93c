// What a pass adds up on the device. `batches` counts micro-batches from the start of the epoch, and so tells the position
// in the epoch's order.

struct Metrics {
    batches: u32,
    correct: u32,
    loss: f32,
    // The first micro-batch with a number that is infinite or none, counted from 1, and where in it that was met.
    fault_batch: atomic<u32>,
    fault_place: atomic<u32>,
    // What gradients are multiplied by where their norm is bounded.
    scale: f32,
}
