// States of thin layers: state = store(load(state below) · Wᵀ + bias), plus the state below if the layer is residual.

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
    return select(current, TILES - 1u, LOAD != IDENTITY && has(layer, LOADS));
}

// Fills that tile.
fn load_tile(layer: Layer, id: vec3u) {
    if LOAD == IDENTITY {
        return;
    }
    let fours = select(0u, whole_fours(layer.inputs), has(layer, LOADS));
    for (var four = id.y; four < fours; four += COLUMN_LANES) {
        load_samples(layer, four, id);
        if QUADS == 2u { load_samples(layer, four, other_four(id)); }
    }
    wait();
}

fn load_samples(layer: Layer, four: u32, id: vec3u) {
    let states = four_samples(current, four, id);
    let values = mat4x4f(load_four(states[0]), load_four(states[1]), load_four(states[2]), load_four(states[3]));
    put(TILES - 1u, four, values, layer.inputs, id);
}

fn weights_of_outputs(layer: Layer, column: u32, k: u32) -> mat4x4f {
    return transpose(four_rows(layer, 4u * column, k));
}

fn take_states(layer: Layer, column: u32, sums: mat4x4f, id: vec3u) {
    let bias = parameters[bias_of(layer) + column];
    var values = mat4x4f(sums[0] + bias, sums[1] + bias, sums[2] + bias, sums[3] + bias);
    if STORE != IDENTITY && has(layer, STORES) {
        values = mat4x4f(
            store_activation(values[0]),
            store_activation(values[1]),
            store_activation(values[2]),
            store_activation(values[3]),
        );
    }
    if IS_RESIDUAL && has(layer, ADDS_INPUT) { values += four_samples(current, column, id); }
    put(1u - current, column, values, layer.outputs, id);
    write_answer(layer.answer, 4u * column, values, layer.outputs, id);
}
