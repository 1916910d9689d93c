// What of an update is not the same in every step.

// Micro-batches in a mini-batch.
override PARTS: u32;

struct StepParams {
    rate: f32,
    // The rate over the correction of Adam's first moment.
    stride: f32,
    // For the correction of its second.
    root: f32,
    unused: f32,
}

// Of the step at hand, whose micro-batch is already counted.
fn step_params_now() -> StepParams {
    return step_params[min((metrics.batches - 1u) / PARTS, arrayLength(&step_params) - 1u)];
}
