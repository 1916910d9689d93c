// SGD on the gradients of a whole batch, which no buffer holds: W -= rate · deltaᵀ · state, and the bias likewise.

@group(0) @binding(3) var<storage, read_write> weights: array<f32>;
@group(0) @binding(4) var<storage, read_write> bias: array<f32>;

fn take_weight(index: u32, sum: f32) {
    weights[index] -= sizes.rate * sum;
}

fn take_bias(index: u32, sum: f32) {
    bias[index] -= sizes.rate * sum;
}
