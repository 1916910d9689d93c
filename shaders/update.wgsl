// Plain SGD on the gradients of a whole mini-batch, without a gradient buffer: W -= lr · deltaᵀ · state, same for the bias.

override WEIGHT_DECAY: f32;

@group(0) @binding(3) var<storage, read_write> weights: array<f32>;
@group(0) @binding(4) var<storage, read_write> bias: array<f32>;
@group(0) @binding(5) var<storage, read_write> metrics: Metrics;
@group(0) @binding(6) var<storage, read> step_params: array<StepParams>;

fn take_weight(index: u32, sum: f32) {
    let weight = weights[index] - step_params_now().rate * (sum + WEIGHT_DECAY * weights[index]);
    weights[index] = weight;
    has_fault = has_fault || !is_finite(weight);
}

fn take_bias(index: u32, sum: f32) {
    let number = bias[index] - step_params_now().rate * (sum + WEIGHT_DECAY * bias[index]);
    bias[index] = number;
    has_fault = has_fault || !is_finite(number);
}
