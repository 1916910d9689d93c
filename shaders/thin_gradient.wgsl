// Weight and bias gradients of thin layers, all in one dispatch: deltaᵀ · load(state) and Σ delta over a part of the batch.
// Left: deltas. Right: states. The result's rows are outputs, its columns inputs.
//
// Parts are of PART_SAMPLES samples, counted from the start of the batch, and each is summed in order. So a gradient depends on
// neither tiles nor the layers of a dispatch, and the parts of a micro-batch are parts of its mini-batch.
//
// A kernel adds to this file
//   take(place, sum)    uses the gradients of four parameters, at a place in vec4f

override TILE_ROWS: u32;
override TILE_COLUMNS: u32;

struct Run {
    micro_batch: MicroBatch,
    batch: u32,
    // First row of the table.
    first: u32,
    // Tiles of the layer that has most.
    tiles: u32,
    // Offsets of the bindings in the pool's buffers, in values.
    states_from: u32,
    deltas_from: u32,
    // Offset of the parameters, and their size, in vec4f.
    start: u32,
    count: u32,
}

var<immediate> run: Run;
@group(0) @binding(0) var<storage, read> layers: array<Layer>;

var<private> layer: Layer;
var<private> part: u32;

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

// The fault of the layer whose parameters are at `place`.
fn fault_place(place: u32) -> u32 {
    return layer.place;
}
