// What an epoch adds up on the device. `batches` counts micro-batches, and so tells the position in the epoch's order.

struct Metrics {
    batches: u32,
    correct: u32,
    loss: f32,
}
