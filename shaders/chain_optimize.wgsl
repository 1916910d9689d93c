// Gradients of a micro-batch: added to those of earlier micro-batches, and kept or used to update parameters.

// `true` for the first micro-batch of a mini-batch; `true` if parameters are updated now.
override IS_FIRST: bool;
override MOVES: bool;

@group(0) @binding(4) var<storage, read_write> parameters: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> kept: array<f32>;

fn take(place: u32, sum: vec4f) {
    let first = 4u * place;
    var gradient = sum;
    if !IS_FIRST {
        gradient += vec4f(kept[first], kept[first + 1u], kept[first + 2u], kept[first + 3u]);
    }
    if MOVES {
        let before = parameters[place];
        let numbers = vec4f(
            moved(before.x, gradient.x, first),
            moved(before.y, gradient.y, first + 1u),
            moved(before.z, gradient.z, first + 2u),
            moved(before.w, gradient.w, first + 3u),
        );
        parameters[place] = numbers;
        if !(are_finite(numbers) && are_finite(gradient)) { note_fault(fault_place(place)); }
    } else {
        kept[first] = gradient.x;
        kept[first + 1u] = gradient.y;
        kept[first + 2u] = gradient.z;
        kept[first + 3u] = gradient.w;
    }
}
