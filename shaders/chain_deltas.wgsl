// Deltas of thin layers, from the last to the first: delta below = (delta · W) ⊙ φ′(state), plus the delta if the layer is
// residual.
//
// A kernel adds to this file `states_at(layer, places)`, four values of the state before a layer.

// Takes the workgroup's samples, in the current tile, backward through the layers in these rows of the table.
fn go_backward(first: u32, end: u32, id: vec3u) {
    for (var index = end; index > first; index--) {
        let layer = layers[index - 1u];
        product(layer, whole_fours(layer.outputs), whole_fours(layer.inputs), current, id);
        wait();
        current = 1u - current;
    }
}

fn weights_of_inputs(layer: Layer, column: u32, k: u32) -> mat4x4f {
    return four_rows(layer, 4u * k, column);
}

fn take_deltas(layer: Layer, column: u32, sums: mat4x4f, id: vec3u) {
    var values = mat4x4f(
        sums[0] * derivatives(states_at(layer, places_in(layer.inputs, column, 0u, id))),
        sums[1] * derivatives(states_at(layer, places_in(layer.inputs, column, 1u, id))),
        sums[2] * derivatives(states_at(layer, places_in(layer.inputs, column, 2u, id))),
        sums[3] * derivatives(states_at(layer, places_in(layer.inputs, column, 3u, id))),
    );
    if IS_RESIDUAL && has(layer, ADDS_INPUT) { values += four_samples(current, column, id); }
    put(1u - current, column, values, layer.inputs, id);
    write_answer(layer.answer, 4u * column, values, layer.inputs, id);
}
