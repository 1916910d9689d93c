// Plain SGD on the gradients of a whole mini-batch.

override WEIGHT_DECAY: f32;

fn sums_before(places: vec4u) -> vec4f {
    return vec4f();
}

fn take(places: vec4u, is_inside: vec4<bool>, sums: vec4f) {
    let before = norm_at(places);
    let numbers = before - run.micro_batch.rate * (sums + WEIGHT_DECAY * before);
    put_norm(places, is_inside, numbers);
    if any(is_inside & !are_finite(numbers)) { note_fault(sizes.place); }
}
