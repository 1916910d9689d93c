// Gradients of a micro-batch and those before it in the mini-batch, kept or used to update parameters.

@group(0) @binding(3) var<storage, read_write> weights: array<f32>;
@group(0) @binding(4) var<storage, read_write> bias: array<f32>;
@group(0) @binding(5) var<storage, read_write> kept: array<f32>;
@group(0) @binding(6) var<storage, read_write> metrics: Metrics;

// The gradients of earlier micro-batches, whose sums these continue.
fn sums_before(places: vec4u) -> vec4f {
    if continues_sums() {
        return kept_at(0u, places);
    }
    return vec4f();
}

fn take_weights(places: vec4u, is_inside: vec4<bool>, gradients: vec4f) {
    if keeps_sums() {
        keep(0u, places, is_inside, gradients);
    } else {
        let before = vec4f(weights[places.x], weights[places.y], weights[places.z], weights[places.w]);
        let numbers = moved(before, gradients, places, is_inside);
        if is_inside.x { weights[places.x] = numbers.x; }
        if is_inside.y { weights[places.y] = numbers.y; }
        if is_inside.z { weights[places.z] = numbers.z; }
        if is_inside.w { weights[places.w] = numbers.w; }
        note_faults(numbers, gradients, is_inside);
    }
}

// Biases come after the weights.
fn take_biases(places: vec4u, is_inside: vec4<bool>, gradients: vec4f) {
    let kept_places = sizes.inputs * sizes.outputs + places;
    if keeps_sums() {
        keep(0u, kept_places, is_inside, gradients);
    } else {
        let before = vec4f(bias[places.x], bias[places.y], bias[places.z], bias[places.w]);
        let numbers = moved(before, gradients, kept_places, is_inside);
        if is_inside.x { bias[places.x] = numbers.x; }
        if is_inside.y { bias[places.y] = numbers.y; }
        if is_inside.z { bias[places.z] = numbers.z; }
        if is_inside.w { bias[places.w] = numbers.w; }
        note_faults(numbers, gradients, is_inside);
    }
}

fn note_faults(numbers: vec4f, gradients: vec4f, is_inside: vec4<bool>) {
    has_fault = has_fault || any(is_inside & !(are_finite(numbers) & are_finite(gradients)));
}
