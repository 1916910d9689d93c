// Gradients of a batch in several parts: each adds to what is kept, and SGD follows on the last one's sum.

// Whether this part finds nothing kept, and whether it keeps nothing.
override IS_FIRST: bool;
override IS_LAST: bool;

@group(0) @binding(3) var<storage, read_write> weights: array<f32>;
@group(0) @binding(4) var<storage, read_write> bias: array<f32>;
@group(0) @binding(5) var<storage, read_write> weight_gradients: array<f32>;
@group(0) @binding(6) var<storage, read_write> bias_gradients: array<f32>;

fn take_weight(index: u32, sum: f32) {
    var gradient = sum;
    if !IS_FIRST { gradient += weight_gradients[index]; }
    if IS_LAST { weights[index] -= sizes.rate * gradient; } else { weight_gradients[index] = gradient; }
}

fn take_bias(index: u32, sum: f32) {
    var gradient = sum;
    if !IS_FIRST { gradient += bias_gradients[index]; }
    if IS_LAST { bias[index] -= sizes.rate * gradient; } else { bias_gradients[index] = gradient; }
}
