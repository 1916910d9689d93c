// What changes from one micro-batch to the next: the start of the immediate data of every kernel that has any. Laid out as in the
// host's src/gpu/pipelines/immediates.rs, which names the flags.

struct MicroBatch {
    // Counted from the start of the epoch.
    index: u32,
    flags: u32,
    // Learning rate.
    rate: f32,
    // Learning rate divided by the bias correction of Adam's first moment.
    stride: f32,
    // Factor of the root of Adam's second moment, for its bias correction.
    root: f32,
}

// Place of its first sample in the mini-batch, if it has `batch` samples.
fn first_place(micro_batch: MicroBatch, batch: u32, mini_batch: u32) -> u32 {
    return micro_batch.index * batch % mini_batch;
}
