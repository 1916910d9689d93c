// Plain SGD on the gradients of a whole mini-batch, without a gradient buffer: W -= lr · deltaᵀ · state, same for the bias.

override WEIGHT_DECAY: f32;

@group(0) @binding(3) var<storage, read_write> weights: array<f32>;
@group(0) @binding(4) var<storage, read_write> bias: array<f32>;
@group(0) @binding(5) var<storage, read_write> metrics: Metrics;

fn sums_before(places: vec4u) -> vec4f {
    return vec4f();
}

fn take_weights(places: vec4u, is_inside: vec4<bool>, sums: vec4f) {
    let numbers = moved(vec4f(weights[places.x], weights[places.y], weights[places.z], weights[places.w]), sums);
    if is_inside.x { weights[places.x] = numbers.x; }
    if is_inside.y { weights[places.y] = numbers.y; }
    if is_inside.z { weights[places.z] = numbers.z; }
    if is_inside.w { weights[places.w] = numbers.w; }
    note_faults(numbers, is_inside);
}

fn take_biases(places: vec4u, is_inside: vec4<bool>, sums: vec4f) {
    let numbers = moved(vec4f(bias[places.x], bias[places.y], bias[places.z], bias[places.w]), sums);
    if is_inside.x { bias[places.x] = numbers.x; }
    if is_inside.y { bias[places.y] = numbers.y; }
    if is_inside.z { bias[places.z] = numbers.z; }
    if is_inside.w { bias[places.w] = numbers.w; }
    note_faults(numbers, is_inside);
}

fn moved(parameters: vec4f, gradients: vec4f) -> vec4f {
    return parameters - run.micro_batch.rate * (gradients + WEIGHT_DECAY * parameters);
}

fn note_faults(numbers: vec4f, is_inside: vec4<bool>) {
    has_fault = has_fault || any(is_inside & !are_finite(numbers));
}
