// Gradients of a micro-batch and those before it in the mini-batch, kept or used to update gain and shift.

@group(0) @binding(4) var<storage, read_write> kept: array<f32>;

// The gradients of earlier micro-batches, whose sums these continue.
fn sums_before(places: vec4u) -> vec4f {
    if continues_sums() {
        return kept_at(0u, sizes.kept_start + places);
    }
    return vec4f();
}

fn take(places: vec4u, is_inside: vec4<bool>, gradients: vec4f) {
    let kept_places = sizes.kept_start + places;
    if keeps_sums() {
        keep(0u, kept_places, is_inside, gradients);
    } else {
        let numbers = moved(norm_at(places), gradients, kept_places, is_inside);
        put_norm(places, is_inside, numbers);
        if any(is_inside & !(are_finite(numbers) & are_finite(gradients))) { note_fault(sizes.place); }
    }
}
