// Plain SGD on the gradients of a whole mini-batch.

override WEIGHT_DECAY: f32;

// What a sum of gradients starts from. Adding to a zero with this sign changes nothing.
fn sum_before(place: u32) -> vec4f {
    return vec4f(-0.0);
}

fn use_sum(place: u32, sum: vec4f) {
    let numbers = parameters[place] - run.micro_batch.rate * (sum + WEIGHT_DECAY * parameters[place]);
    parameters[place] = numbers;
    if !all(are_finite(numbers)) { note_fault(fault_place(place)); }
}
