// States of thin layers: state = store(mask ⊙ load(norm(state below)) · Wᵀ + bias), plus the state below if the layer is residual.

// Takes the workgroup's samples, in the current tile, forward through all layers of the dispatch.
fn go_forward(id: vec3u) {
    for (var index = run.first; index < run.end; index++) {
        let layer = layers[index];
        load_tile(layer, id);
        product(layer, whole_fours(layer.inputs), whole_fours(layer.outputs), loaded(layer), id);
        wait();
        current = 1u - current;
    }
}

// The tile with the operand of the product.
fn loaded(layer: Layer) -> u32 {
    return select(current, TILES - 1u, transforms_input(layer));
}

// Fills that tile.
fn load_tile(layer: Layer, id: vec3u) {
    if LOAD == IDENTITY && !HAS_DROPOUT && !HAS_NORM {
        return;
    }
    if HAS_NORM && has(layer, NORMALISES) { find_statistics(layer, current, id); }
    let fours = select(0u, whole_fours(layer.inputs), transforms_input(layer));
    for (var four = id.y; four < fours; four += COLUMN_LANES) {
        load_samples(layer, four, id);
        if QUADS == 2u { load_samples(layer, four, other_four(id)); }
    }
    wait();
}

fn load_samples(layer: Layer, four: u32, id: vec3u) {
    let states = four_samples(current, four, id);
    let values = mat4x4f(
        transformed(layer, states[0], top + row_of(id, 0u), 4u * four),
        transformed(layer, states[1], top + row_of(id, 1u), 4u * four),
        transformed(layer, states[2], top + row_of(id, 2u), 4u * four),
        transformed(layer, states[3], top + row_of(id, 3u), 4u * four),
    );
    put(TILES - 1u, four, values, layer.inputs, id);
}

fn weights_of_outputs(layer: Layer, column: u32, k: u32) -> mat4x4f {
    return transpose(four_rows(layer, 4u * column, k));
}

fn weights_of_output(layer: Layer, column: u32, k: u32) -> vec4f {
    return parameters[layer.weights + min(column, layer.outputs - 1u) * whole_fours(layer.inputs) + k];
}

fn take_states(layer: Layer, column: u32, sums: mat4x4f, id: vec3u) {
    let bias = parameters[bias_of(layer) + column];
    take_outputs(layer, column, sums[0] + bias, row_of(id, 0u));
    take_outputs(layer, column, sums[1] + bias, row_of(id, 1u));
    take_outputs(layer, column, sums[2] + bias, row_of(id, 2u));
    take_outputs(layer, column, sums[3] + bias, row_of(id, 3u));
}

fn take_state(layer: Layer, column: u32, sums: vec4f, row: u32) {
    take_outputs(layer, column, sums + parameters[bias_of(layer) + column], row);
}

fn take_outputs(layer: Layer, column: u32, outputs: vec4f, row: u32) {
    var values = outputs;
    if STORE != IDENTITY && has(layer, STORES) { values = store_activation(values); }
    if IS_RESIDUAL && has(layer, ADDS_INPUT) { values += tiles[place_of(current, row) + column]; }
    put_row(1u - current, column, values, layer.outputs, row);
    write_row(layer.answer, 4u * column, values, layer.outputs, row);
}
