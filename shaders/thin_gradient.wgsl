// Weight and bias gradients of thin layers, all in one dispatch: deltaᵀ · load(norm(state)) and Σ delta over a part of the batch.
// Left: deltas. Right: states. The result's rows are outputs, its columns inputs.
//
// Each part is summed in order, so a gradient depends on neither tiles nor the layers of a dispatch.

override TILE_ROWS: u32;
override TILE_COLUMNS: u32;

fn tile_of(group: vec3u) -> vec2u {
    layer = layers[run.first + group.x / run.tiles];
    part = group.y;
    let columns = (layer.inputs + TILE_COLUMNS - 1u) / TILE_COLUMNS;
    let tile = group.x % run.tiles;
    return vec2u(tile % columns, tile / columns);
}

fn extent() -> Extent {
    return Extent(layer.outputs, layer.inputs, min(run.batch - part * PART_SAMPLES, PART_SAMPLES));
}

fn left_four(row: u32, column: u32) -> vec4f {
    let sample = part * PART_SAMPLES + row;
    return left_at(layer.delta - run.deltas_from + sample * layer.outputs + column, layer.outputs - column);
}

fn right_four(row: u32, column: u32) -> vec4f {
    let sample = part * PART_SAMPLES + row;
    let states = right_at(layer.state - run.states_from + sample * layer.inputs + column, layer.inputs - column);
    return transformed(layer, states, sample, column);
}

fn initial_four(row: u32, columns: vec4u) -> vec4f {
    return vec4f();
}

fn initial_row_sums(row: u32) -> vec4f {
    return vec4f();
}

fn store_four(row: u32, columns: vec4u, sums: vec4f) {
    if columns.x < layer.inputs {
        let place = layer.weights + row * whole_fours(layer.inputs) + columns.x / 4u;
        take(place, select(vec4f(), sums, columns < vec4u(layer.inputs)));
    }
}

fn sums_rows() -> bool {
    return true;
}

fn take_row_sums(row: u32, sums: vec4f) {
    if row < layer.outputs {
        take(bias_of(layer) + row / 4u, select(vec4f(), sums, four_from(row) < vec4u(layer.outputs)));
    }
}

fn finish() {}
