// Gradients of a micro-batch: added to those of earlier micro-batches, and kept or used to update parameters.

@group(0) @binding(5) var<storage, read_write> kept: array<f32>;

// What a sum of gradients starts from: the gradients of earlier micro-batches, or a zero that changes nothing.
fn sum_before(place: u32) -> vec4f {
    if continues_sums() {
        return kept_at(0u, 4u * place + vec4u(0u, 1u, 2u, 3u));
    }
    return vec4f(-0.0);
}

fn use_sum(place: u32, sum: vec4f) {
    let places = 4u * place + vec4u(0u, 1u, 2u, 3u);
    let every = vec4<bool>(true);
    if keeps_sums() {
        keep(0u, places, every, sum);
    } else {
        let numbers = moved(parameters[place], sum, places, every);
        parameters[place] = numbers;
        if !all(are_finite(numbers) & are_finite(sum)) { note_fault(fault_place(place)); }
    }
}
