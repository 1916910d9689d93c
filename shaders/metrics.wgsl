// What an epoch adds up on the device. `batches` is also the position in the epoch's order.

struct Metrics {
    batches: u32,
    correct: u32,
    loss: f32,
}
