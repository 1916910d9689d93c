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
    // Place of its first sample in the mini-batch.
    place: u32,
    // Number of its samples, from the first, that are not past the end of the split.
    counted: u32,
    // What losses and their gradients are divided by.
    divisor: f32,
    // Key of the step's masks of dropout.
    dropout_key0: u32,
    dropout_key1: u32,
}
