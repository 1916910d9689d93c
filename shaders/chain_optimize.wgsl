// Gradients of a micro-batch: added to those of earlier micro-batches, and kept or used to update parameters.

// `true` for the first micro-batch of a mini-batch; `true` if parameters are updated now.
override IS_FIRST: bool;
override MOVES: bool;

@group(0) @binding(4) var<storage, read_write> parameters: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> kept: array<f32>;

fn take(place: u32, sum: vec4f) {
    let places = 4u * place + vec4u(0u, 1u, 2u, 3u);
    let every = vec4<bool>(true);
    var gradients = sum;
    if !IS_FIRST { gradients += kept_at(0u, places); }
    if MOVES {
        let numbers = moved(parameters[place], gradients, places, every);
        parameters[place] = numbers;
        if !all(are_finite(numbers) & are_finite(gradients)) { note_fault(fault_place(place)); }
    } else {
        keep(0u, places, every, gradients);
    }
}
