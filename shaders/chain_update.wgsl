// Plain SGD on the gradients of a whole mini-batch.

override WEIGHT_DECAY: f32;

@group(0) @binding(4) var<storage, read_write> parameters: array<vec4f>;

fn take(place: u32, sum: vec4f) {
    let numbers = parameters[place] - step_params_now().rate * (sum + WEIGHT_DECAY * parameters[place]);
    parameters[place] = numbers;
    if !all(are_finite(numbers)) { note_fault(fault_place(place)); }
}
