// Uses the gradients of a batch of one part.

fn take(place: u32, sum: vec4f) {
    use_sum(place, sum_before(place) + sum);
}
