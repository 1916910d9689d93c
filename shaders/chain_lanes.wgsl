// Products of a chain if lanes share a layer's columns: each computes a block of four samples × 8 columns.

// state `tile + 1` = store(load(state `tile`) · Wᵀ + bias), plus state `tile` if layers are residual
fn forward(layer: Layer, tile: u32, id: vec3u) {
    let fours = whole_fours(layer.inputs);
    for (var column = 8u * id.y; column < layer.outputs; column += 8u * COLUMN_LANES) {
        var low = mat4x4f();
        var high = mat4x4f();
        for (var k = 0u; k < fours; k++) {
            let states = four_columns(loaded(layer, tile), 4u * k, id.x);
            low = multiply_add(low, states, four_rows(layer, column, k));
            high = multiply_add(high, states, four_rows(layer, column + 4u, k));
        }
        put_states(layer, tile + 1u, column, low, id.x);
        put_states(layer, tile + 1u, column + 4u, high, id.x);
    }
    wait();
}

// dW = deltaᵀ · load(state) and db = Σ delta over the tile's samples, added to this workgroup's part.
fn add_gradients(layer: Layer, tile: u32, part: u32, lanes: u32, id: vec3u, is_first_tile: bool) {
    let me = id.y * ROW_LANES + id.x;
    let fours = whole_fours(layer.inputs);
    let base = part - layers[run.first].weights;
    // Blocks of four inputs and eight outputs.
    let blocks = fours * ((layer.outputs + 7u) / 8u);
    for (var block = me; block < blocks; block += ROW_LANES * COLUMN_LANES) {
        let k = block % fours;
        let row = 8u * (block / fours);
        let above = min(row + 4u, 4u * whole_fours(layer.outputs) - 4u);
        var low = mat4x4f();
        var high = mat4x4f();
        for (var lane = 0u; lane < lanes; lane++) {
            let states = transpose(four_columns(loaded(layer, tile), 4u * k, lane));
            low = multiply_add(low, states, four_columns(tile + 1u, row, lane));
            high = multiply_add(high, states, four_columns(tile + 1u, above, lane));
        }
        add_rows(layer, base, row, k, low, is_first_tile);
        add_rows(layer, base, row + 4u, k, high, is_first_tile);
    }
    add_biases(layer, tile + 1u, base, lanes, id, is_first_tile);
}

// Replaces state `tile` by (delta · W) ⊙ φ′(state), plus the delta, in the tile above, if layers are residual.
fn make_delta_below(layer: Layer, tile: u32, id: vec3u) {
    let fours = whole_fours(layer.inputs);
    for (var k = 2u * id.y; k < fours; k += 2u * COLUMN_LANES) {
        let next = min(k + 1u, fours - 1u);
        var low = mat4x4f();
        var high = mat4x4f();
        for (var row = 0u; row < layer.outputs; row += 4u) {
            let deltas = four_columns(tile + 1u, row, id.x);
            low = multiply_add(low, deltas, transpose(four_rows(layer, row, k)));
            high = multiply_add(high, deltas, transpose(four_rows(layer, row, next)));
        }
        put_deltas(layer, tile, 4u * k, low, id.x);
        put_deltas(layer, tile, 4u * k + 4u, high, id.x);
    }
    wait();
}

fn wait() {
    workgroupBarrier();
}
