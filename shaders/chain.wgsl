// Thin layers one after the other in one dispatch. No sample needs another, so a workgroup takes its samples through all of
// them: the state or delta between two layers stays in its memory, and is written to the pool as well if anything reads it
// later.
//
// A workgroup has ROW_LANES lanes of 4 · QUADS samples each, and COLUMN_LANES lanes that share a layer's columns. Every element is
// one chain of `fma` over ascending k, so how layers are split into dispatches changes no bit.
//
// Added to this file are one that multiplies tiles, and a kernel with
//   right_block(layer, column, k)        four by four weights, a step in each column of the matrix
//   right_column(layer, column, k)       four weights of one column, from step 4 · k on
//   take_block(layer, column, sums, id)  uses four elements of each of a lane's samples
//   take_row(layer, column, sums, row)   uses four elements of one sample

override ROW_LANES: u32;
override COLUMN_LANES: u32;
// Vectors of four columns that a lane computes at a time, if it computes blocks: one or two. Two need half the reads of samples,
// for batches that keep the device busy; with one, a layer takes half as long.
override VECTORS: u32;
// Groups of four samples of a lane: one, or two if there are enough samples. A lane's functions work on one; those of the other have
// its `id` from `other_four`.
override QUADS: u32;
// Vectors of four values in a row of a tile, and one more, so that neighbouring rows lie in different banks.
override STRIDE: u32;
// Two, and one for the transformed input if any layer transforms its input.
override TILES: u32;

struct Run {
    micro_batch: MicroBatch,
    batch: u32,
    // Rows of the table, `end` exclusive.
    first: u32,
    end: u32,
    // Offsets of the bindings in the pool's buffers, in values.
    read_from: u32,
    write_from: u32,
    // Of a dispatch that goes forward and backward: rows of the backward pass.
    backward_first: u32,
    backward_end: u32,
}

var<immediate> told: Run;
var<private> run: Run;
// First sample of the tile, and the tile that holds the operand.
var<private> top: u32;
var<private> current: u32;
@group(0) @binding(0) var<storage, read> layers: array<Layer>;
@group(0) @binding(1) var<storage, read> parameters: array<vec4f>;
// What the first of the layers reads, [batch, width].
@group(0) @binding(2) var<storage, read_write> operand: array<f32>;
@group(0) @binding(3) var<storage, read_write> answers: array<f32>;

// [tile, sample, column / 4]. Columns past a row's width are zero up to a multiple of four.
var<workgroup> tiles: array<vec4f, TILES * 4u * QUADS * ROW_LANES * STRIDE>;

// The dispatch's immediates. The bounds never bind, but if a branch depends on immediates alone, lavapipe (Mesa 22.3)
// compiles the kernel anew for every dispatch.
fn guarded() -> Run {
    let most = arrayLength(&layers);
    var guarded = told;
    guarded.first = min(told.first, most);
    guarded.end = min(told.end, most);
    guarded.backward_first = min(told.backward_first, most);
    guarded.backward_end = min(told.backward_end, most);
    return guarded;
}

// Row of a lane's i-th sample in a tile. They are as far apart as there are lanes.
fn row_of(id: vec3u, i: u32) -> u32 {
    return id.x + i * ROW_LANES;
}

fn place_of(tile: u32, row: u32) -> u32 {
    return (samples_of_workgroup() * tile + row) * STRIDE;
}

fn samples_of_workgroup() -> u32 {
    return 4u * QUADS * ROW_LANES;
}

fn lanes() -> u32 {
    return ROW_LANES * COLUMN_LANES;
}

fn lane_of(id: vec3u) -> u32 {
    return id.y * ROW_LANES + id.x;
}

// Its samples go on where those of `id` end.
fn other_four(id: vec3u) -> vec3u {
    return id + vec3u(4u * ROW_LANES, 0u, 0u);
}

// Four values of each of a lane's samples, a sample in each column of the matrix.
fn four_samples(tile: u32, four: u32, id: vec3u) -> mat4x4f {
    return mat4x4f(
        tiles[place_of(tile, row_of(id, 0u)) + four],
        tiles[place_of(tile, row_of(id, 1u)) + four],
        tiles[place_of(tile, row_of(id, 2u)) + four],
        tiles[place_of(tile, row_of(id, 3u)) + four],
    );
}

// Puts them, with zeros past `width`.
fn put(tile: u32, four: u32, values: mat4x4f, width: u32, id: vec3u) {
    put_row(tile, four, values[0], width, row_of(id, 0u));
    put_row(tile, four, values[1], width, row_of(id, 1u));
    put_row(tile, four, values[2], width, row_of(id, 2u));
    put_row(tile, four, values[3], width, row_of(id, 3u));
}

fn put_row(tile: u32, four: u32, values: vec4f, width: u32, row: u32) {
    let is_inside = 4u * four + vec4u(0u, 1u, 2u, 3u) < vec4u(width);
    tiles[place_of(tile, row) + four] = select(vec4f(), values, is_inside);
}

// Offsets of four columns of a row's sample in a value of `width` columns. Samples past the batch repeat its last one,
// columns past the width the last one.
fn places_in(width: u32, four: u32, row: u32) -> vec4u {
    let sample = min(top + row, run.batch - 1u);
    return sample * width + min(4u * four + vec4u(0u, 1u, 2u, 3u), vec4u(width - 1u));
}

// Reads the operand of the first layer into the current tile.
fn read_operand(width: u32, id: vec3u) {
    wait();
    for (var four = id.y; four < whole_fours(width); four += COLUMN_LANES) {
        read_four(width, four, id);
        if QUADS == 2u { read_four(width, four, other_four(id)); }
    }
    wait();
}

fn read_four(width: u32, four: u32, id: vec3u) {
    let values = mat4x4f(
        operand_at(places_in(width, four, row_of(id, 0u))),
        operand_at(places_in(width, four, row_of(id, 1u))),
        operand_at(places_in(width, four, row_of(id, 2u))),
        operand_at(places_in(width, four, row_of(id, 3u))),
    );
    put(current, four, values, width, id);
}

fn operand_at(places: vec4u) -> vec4f {
    return vec4f(operand[places.x], operand[places.y], operand[places.z], operand[places.w]);
}

// Writes four columns of a row's sample to the pool.
fn write_row(answer: u32, column: u32, values: vec4f, width: u32, row: u32) {
    let sample = top + row;
    let place = answer - run.write_from + sample * width + column;
    if answer != NOWHERE && sample < run.batch {
        answers[place] = values.x;
        if column + 1u < width { answers[place + 1u] = values.y; }
        if column + 2u < width { answers[place + 2u] = values.z; }
        if column + 3u < width { answers[place + 3u] = values.w; }
    }
}

// Four rows of a layer's weights, a row in each column of the matrix, from vector `four` on. Rows past the last repeat it;
// their products are discarded, or multiplied by a delta of zero.
fn four_rows(layer: Layer, row: u32, four: u32) -> mat4x4f {
    let fours = whole_fours(layer.inputs);
    let last = layer.outputs - 1u;
    return mat4x4f(
        parameters[layer.weights + min(row, last) * fours + four],
        parameters[layer.weights + min(row + 1u, last) * fours + four],
        parameters[layer.weights + min(row + 2u, last) * fours + four],
        parameters[layer.weights + min(row + 3u, last) * fours + four],
    );
}
