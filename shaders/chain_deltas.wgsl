// Deltas of thin layers, from the last to the first: delta below = (delta · W) ⊙ φ′(state) ⊙ mask, plus the delta if the layer is
// residual. For normalised layers see chain_norm_deltas.
//
// A kernel adds to this file `states_at(layer, places)`, four values of the state before a layer.

// Takes the workgroup's samples, in the current tile, backward through the layers in these rows of the table.
fn go_backward(first: u32, end: u32, id: vec3u) {
    for (var index = end; index > first; index--) {
        let layer = layers[index - 1u];
        product(layer, whole_fours(layer.outputs), whole_fours(layer.inputs), current, id);
        wait();
        if HAS_NORM && has(layer, NORMALISES) {
            normalise_deltas(layer, id);
            wait();
        }
        current = 1u - current;
    }
}

fn weights_of_inputs(layer: Layer, column: u32, k: u32) -> mat4x4f {
    return four_rows(layer, 4u * k, column);
}

fn weights_of_input(layer: Layer, column: u32, k: u32) -> vec4f {
    let fours = whole_fours(layer.inputs);
    let rows = min(4u * k + vec4u(0u, 1u, 2u, 3u), vec4u(layer.outputs - 1u));
    let places = layer.weights + rows * fours + column / 4u;
    let i = column % 4u;
    return vec4f(
        parameters[places.x][i],
        parameters[places.y][i],
        parameters[places.z][i],
        parameters[places.w][i],
    );
}

fn take_deltas(layer: Layer, column: u32, sums: mat4x4f, id: vec3u) {
    take_delta(layer, column, sums[0], row_of(id, 0u));
    take_delta(layer, column, sums[1], row_of(id, 1u));
    take_delta(layer, column, sums[2], row_of(id, 2u));
    take_delta(layer, column, sums[3], row_of(id, 3u));
}

fn take_delta(layer: Layer, column: u32, sums: vec4f, row: u32) {
    let states = states_at(layer, places_in(layer.inputs, column, row));
    let is_normalised = HAS_NORM && has(layer, NORMALISES);
    var values = sums;
    if !is_normalised { values *= derivatives(states); }
    if HAS_DROPOUT && has(layer, DROPS) { values = drop_from(values, layer.place, top + row, 4u * column); }
    if is_normalised {
        put_row(TILES - 1u, column, states, layer.inputs, row);
        put_row(1u - current, column, values, layer.inputs, row);
        return;
    }
    if IS_RESIDUAL && has(layer, ADDS_INPUT) { values += tiles[place_of(current, row) + column]; }
    put_row(1u - current, column, values, layer.inputs, row);
    write_row(layer.answer, 4u * column, values, layer.inputs, row);
}
