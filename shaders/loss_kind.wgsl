// The loss function, whose codes come from the host's src/model/loss.rs, and what it compares.

override LOSS: u32;
// Targets are a number for each output rather than a class label for each sample.
override ARE_VALUES: bool;
override ONE_OUTPUT: bool;
// 32-bit words of a sample: its targets, and its weight if there are weights.
override TARGET_WORDS: u32;
override HAS_WEIGHTS: bool;
// Share of each target that is spread over all classes.
override SMOOTHING: f32;
