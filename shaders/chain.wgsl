// Thin layers, one after the other in one dispatch: their states stay in workgroup memory, and only the result is written
// to device memory.
//
// A workgroup processes a tile of samples at a time, with ROW_LANES lanes of four samples each and COLUMN_LANES lanes that
// share a layer's columns. The forward and the backward pass are one pipeline with one loop over the layers, so that a
// recomputed state is bit-identical. The backward pass recomputes the states between the layers, then descends: a layer's
// delta and state give its gradients, summed over the tile's samples, and then the delta below, which replaces the state.
//
// Each workgroup sums the gradients of its tiles in its part of `partials`; a second kernel adds up all parts in order.
// How layers are split into dispatches changes no sum.

override ROW_LANES: u32;
override COLUMN_LANES: u32;
// Columns of a tile, and tiles in workgroup memory: one more than the layers that run at once, and one for the activated
// input if any layer applies a function to its input.
override WIDTH: u32;
override TILES: u32;

struct Run {
    batch: u32,
    // Layers `first` to `end`, exclusive.
    first: u32,
    end: u32,
    is_backward: u32,
}


var<immediate> told: Run;
var<private> run: Run;
@group(0) @binding(0) var<storage, read> layers: array<Layer>;
@group(0) @binding(1) var<storage, read> parameters: array<vec4f>;
// State `first`, delta `end - 1`, and the result: delta `first - 1` in the backward pass, else state `end`.
@group(0) @binding(2) var<storage, read_write> state: array<f32>;
@group(0) @binding(3) var<storage, read_write> delta: array<f32>;
@group(0) @binding(4) var<storage, read_write> answer: array<f32>;
@group(0) @binding(5) var<storage, read_write> partials: array<vec4f>;

// [tile, column, lane], four samples each; columns past a state's width are zero up to a multiple of four.
var<workgroup> tiles: array<vec4f, TILES * WIDTH * ROW_LANES>;

@compute @workgroup_size(ROW_LANES, COLUMN_LANES)
fn main(
    @builtin(local_invocation_id) id: vec3u,
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
) {
    run = guarded();
    let samples = 4u * ROW_LANES;
    let part = group.x * (arrayLength(&partials) / groups.x);
    for (var top = group.x * samples; top < run.batch; top += groups.x * samples) {
        let sample = top + 4u * id.x;
        read_states(0u, layers[run.first].inputs, sample, id);
        run_forward(id);
        if run.is_backward == 0u {
            write_tile(run.end - run.first, layers[run.end - 1u].outputs, sample, id);
        } else {
            read_deltas(run.end - run.first, layers[run.end - 1u].outputs, sample, id);
            // Lanes past the batch do not contribute.
            let lanes = min((run.batch - top + 3u) / 4u, ROW_LANES);
            run_backward(part, lanes, id, top < groups.x * samples);
            if run.first > 0u {
                write_tile(0u, layers[run.first].inputs, sample, id);
            }
        }
    }
}

fn run_forward(id: vec3u) {
    let last = run.end - run.is_backward;
    for (var layer = run.first; layer < last; layer++) {
        load_tile(layers[layer], layer - run.first, id);
        forward(layers[layer], layer - run.first, id);
    }
}

// Tile with the operand of a layer that reads state `tile`.
fn loaded(layer: Layer, tile: u32) -> u32 {
    return select(tile, TILES - 1u, LOAD != IDENTITY && has(layer, LOADS));
}

// Fills that tile. Columns past a state's width stay zero.
fn load_tile(layer: Layer, tile: u32, id: vec3u) {
    if LOAD == IDENTITY {
        return;
    }
    let columns = select(0u, 4u * whole_fours(layer.inputs), has(layer, LOADS));
    for (var column = id.y; column < columns; column += COLUMN_LANES) {
        let values = load_four(tiles[(tile * WIDTH + column) * ROW_LANES + id.x]);
        put(TILES - 1u, column, id.x, select(vec4f(), values, vec4(column < layer.inputs)));
    }
    wait();
}

fn run_backward(part: u32, lanes: u32, id: vec3u, is_first_tile: bool) {
    for (var layer = run.end; layer > run.first; layer--) {
        let tile = layer - 1u - run.first;
        load_tile(layers[layer - 1u], tile, id);
        add_gradients(layers[layer - 1u], tile, part, lanes, id, is_first_tile);
        wait();
        if layer > 1u {
            make_delta_below(layers[layer - 1u], tile, id);
        }
    }
}

// The dispatch's immediates. The bounds never bind, but if a branch depends on immediates or uniforms alone, lavapipe (Mesa
// 22.3) compiles the kernel anew for every dispatch.
fn guarded() -> Run {
    let most = arrayLength(&layers);
    return Run(told.batch, min(told.first, most), min(told.end, most), min(told.is_backward, most));
}

// Stores the columns that the layer has, and discards the others.
fn put_states(layer: Layer, tile: u32, column: u32, sums: mat4x4f, lane: u32) {
    if column >= layer.outputs {
        return;
    }
    let bias = parameters[bias_of(layer) + column / 4u];
    let zero = vec4f();
    var values = mat4x4f(sums[0] + bias.x, sums[1] + bias.y, sums[2] + bias.z, sums[3] + bias.w);
    if STORE != IDENTITY && has(layer, STORES) {
        values = mat4x4f(
            store_values(values[0]),
            store_values(values[1]),
            store_values(values[2]),
            store_values(values[3]),
        );
    }
    if IS_RESIDUAL && has(layer, ADDS_INPUT) { values += four_columns(tile - 1u, column, lane); }
    put(tile, column, lane, values[0]);
    put(tile, column + 1u, lane, select(zero, values[1], column + 1u < layer.outputs));
    put(tile, column + 2u, lane, select(zero, values[2], column + 2u < layer.outputs));
    put(tile, column + 3u, lane, select(zero, values[3], column + 3u < layer.outputs));
}

fn add_biases(layer: Layer, tile: u32, base: u32, lanes: u32, id: vec3u, is_first_tile: bool) {
    let me = id.y * ROW_LANES + id.x;
    for (var column = me; column < whole_fours(layer.outputs); column += ROW_LANES * COLUMN_LANES) {
        var sums = vec4f();
        for (var lane = 0u; lane < lanes; lane++) {
            sums += vec4f(1.0) * four_columns(tile, 4u * column, lane);
        }
        add_part(base + bias_of(layer) + column, sums, is_first_tile);
    }
}

fn add_rows(layer: Layer, base: u32, row: u32, k: u32, sums: mat4x4f, is_first_tile: bool) {
    if row >= layer.outputs {
        return;
    }
    let fours = whole_fours(layer.inputs);
    let place = base + layer.weights + row * fours + k;
    add_part(place, sums[0], is_first_tile);
    if row + 1u < layer.outputs { add_part(place + fours, sums[1], is_first_tile); }
    if row + 2u < layer.outputs { add_part(place + 2u * fours, sums[2], is_first_tile); }
    if row + 3u < layer.outputs { add_part(place + 3u * fours, sums[3], is_first_tile); }
}

fn add_part(place: u32, sums: vec4f, is_first_tile: bool) {
    var total = sums;
    if !is_first_tile {
        total += partials[place];
    }
    partials[place] = total;
}

fn put_deltas(layer: Layer, tile: u32, column: u32, sums: mat4x4f, lane: u32) {
    if column >= layer.inputs {
        return;
    }
    let states = four_columns(tile, column, lane);
    var above = mat4x4f();
    if IS_RESIDUAL && has(layer, ADDS_INPUT) { above = four_columns(tile + 1u, column, lane); }
    put(tile, column, lane, sums[0] * derivative_four(states[0]) + above[0]);
    put(tile, column + 1u, lane, sums[1] * derivative_four(states[1]) + above[1]);
    put(tile, column + 2u, lane, sums[2] * derivative_four(states[2]) + above[2]);
    put(tile, column + 3u, lane, sums[3] * derivative_four(states[3]) + above[3]);
}

fn store_values(z: vec4f) -> vec4f {
    return vec4f(activate(STORE, z.x), activate(STORE, z.y), activate(STORE, z.z), activate(STORE, z.w));
}

fn derivative_four(a: vec4f) -> vec4f {
    return vec4f(derivative(a.x), derivative(a.y), derivative(a.z), derivative(a.w));
}

// Four rows of a layer's weights, a row in each column of the matrix, from the `k`-th vec4f on. Rows past the last repeat
// it; their products are discarded, or multiplied by a delta of zero.
fn four_rows(layer: Layer, row: u32, k: u32) -> mat4x4f {
    let fours = whole_fours(layer.inputs);
    let last = layer.outputs - 1u;
    return mat4x4f(
        parameters[layer.weights + min(row, last) * fours + k],
        parameters[layer.weights + min(row + 1u, last) * fours + k],
        parameters[layer.weights + min(row + 2u, last) * fours + k],
        parameters[layer.weights + min(row + 3u, last) * fours + k],
    );
}

// Four columns of a tile, four samples in each column of the matrix.
fn four_columns(tile: u32, column: u32, lane: u32) -> mat4x4f {
    let place = (tile * WIDTH + column) * ROW_LANES + lane;
    return mat4x4f(
        tiles[place],
        tiles[place + ROW_LANES],
        tiles[place + 2u * ROW_LANES],
        tiles[place + 3u * ROW_LANES],
    );
}

fn put(tile: u32, column: u32, lane: u32, values: vec4f) {
    tiles[(tile * WIDTH + column) * ROW_LANES + lane] = values;
}

fn read_states(tile: u32, width: u32, sample: u32, id: vec3u) {
    wait();
    for (var column = id.y; column < 4u * whole_fours(width); column += COLUMN_LANES) {
        let places = places_of(sample, min(column, width - 1u), width);
        let values = vec4f(state[places.x], state[places.y], state[places.z], state[places.w]);
        put(tile, column, id.x, select(vec4f(), values, is_given(sample) & vec4(column < width)));
    }
    wait();
}

fn read_deltas(tile: u32, width: u32, sample: u32, id: vec3u) {
    for (var column = id.y; column < 4u * whole_fours(width); column += COLUMN_LANES) {
        let places = places_of(sample, min(column, width - 1u), width);
        let values = vec4f(delta[places.x], delta[places.y], delta[places.z], delta[places.w]);
        put(tile, column, id.x, select(vec4f(), values, is_given(sample) & vec4(column < width)));
    }
    wait();
}

// Offsets of a column in a lane's four samples, or in the batch's last sample past its end.
fn places_of(sample: u32, column: u32, width: u32) -> vec4u {
    return min(vec4u(sample, sample + 1u, sample + 2u, sample + 3u), vec4u(run.batch - 1u)) * width + column;
}

fn is_given(sample: u32) -> vec4<bool> {
    return vec4u(sample, sample + 1u, sample + 2u, sample + 3u) < vec4u(run.batch);
}

fn write_tile(tile: u32, width: u32, sample: u32, id: vec3u) {
    for (var column = id.y; column < width; column += COLUMN_LANES) {
        let values = tiles[(tile * WIDTH + column) * ROW_LANES + id.x];
        let place = sample * width + column;
        if sample < run.batch { answer[place] = values.x; }
        if sample + 1u < run.batch { answer[place + width] = values.y; }
        if sample + 2u < run.batch { answer[place + 2u * width] = values.z; }
        if sample + 3u < run.batch { answer[place + 3u * width] = values.w; }
    }
}
