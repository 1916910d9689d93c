// Numbers of an update that change from step to step.

// Micro-batches in a mini-batch.
override PARTS: u32;

struct StepParams {
    rate: f32,
    // Learning rate divided by the bias correction of Adam's first moment.
    stride: f32,
    // Factor of the root of Adam's second moment, for its bias correction.
    root: f32,
    unused: f32,
}

// The parameters of the current step, whose micro-batch is already counted.
fn step_params_now() -> StepParams {
    return step_params[min((metrics.batches - 1u) / PARTS, arrayLength(&step_params) - 1u)];
}
