// Thin layers one after the other in one dispatch. No sample needs another, so a workgroup takes its samples through all of
// them: the state or delta between two layers stays in its memory, and is written to the pool as well if anything reads it
// later.
//
// A workgroup has ROW_LANES lanes of four samples each, and COLUMN_LANES lanes that share a layer's columns. Every element is
// one chain of `fma` over ascending k, so how layers are split into dispatches changes no bit.
//
// Added to this file are one that multiplies tiles, and a kernel with
//   right_block(layer, column, k)        four by four weights, a step in each column of the matrix
//   take_block(layer, column, sums, id)  uses four elements of each of a lane's samples

override ROW_LANES: u32;
override COLUMN_LANES: u32;
// Vectors of four values in a row of a tile, and one more, so that neighbouring rows lie in different banks.
override STRIDE: u32;
// Two, and one for the activated input if any layer applies a function to its input.
override TILES: u32;

struct Run {
    batch: u32,
    // Rows of the table, `end` exclusive.
    first: u32,
    end: u32,
    // Offsets of the bindings in the pool's buffers, in values.
    read_from: u32,
    write_from: u32,
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
var<workgroup> tiles: array<vec4f, TILES * 4u * ROW_LANES * STRIDE>;

// The dispatch's immediates. The bounds never bind, but if a branch depends on immediates alone, lavapipe (Mesa 22.3)
// compiles the kernel anew for every dispatch.
fn guarded() -> Run {
    let most = arrayLength(&layers);
    return Run(told.batch, min(told.first, most), min(told.end, most), told.read_from, told.write_from);
}

// A lane's samples are as far apart as there are lanes.
fn sample_of(id: vec3u, i: u32) -> u32 {
    return top + id.x + i * ROW_LANES;
}

fn place_of(tile: u32, id: vec3u, i: u32) -> u32 {
    return ((4u * tile + i) * ROW_LANES + id.x) * STRIDE;
}

// Four values of each of a lane's samples, a sample in each column of the matrix.
fn four_samples(tile: u32, four: u32, id: vec3u) -> mat4x4f {
    return mat4x4f(
        tiles[place_of(tile, id, 0u) + four],
        tiles[place_of(tile, id, 1u) + four],
        tiles[place_of(tile, id, 2u) + four],
        tiles[place_of(tile, id, 3u) + four],
    );
}

// Puts them, with zeros past `width`.
fn put(tile: u32, four: u32, values: mat4x4f, width: u32, id: vec3u) {
    let is_inside = 4u * four + vec4u(0u, 1u, 2u, 3u) < vec4u(width);
    for (var i = 0u; i < 4u; i++) {
        tiles[place_of(tile, id, i) + four] = select(vec4f(), values[i], is_inside);
    }
}

// Reads the operand of the first layer into the current tile. Samples past the batch repeat the last one.
fn read_operand(width: u32, id: vec3u) {
    wait();
    for (var four = id.y; four < whole_fours(width); four += COLUMN_LANES) {
        var values = mat4x4f();
        for (var i = 0u; i < 4u; i++) {
            let row = min(sample_of(id, i), run.batch - 1u) * width;
            let places = row + min(4u * four + vec4u(0u, 1u, 2u, 3u), vec4u(width - 1u));
            values[i] = vec4f(operand[places.x], operand[places.y], operand[places.z], operand[places.w]);
        }
        put(current, four, values, width, id);
    }
    wait();
}

// Writes four columns of each of a lane's samples to the pool.
fn write_answer(answer: u32, column: u32, values: mat4x4f, width: u32, id: vec3u) {
    if answer == NOWHERE {
        return;
    }
    for (var i = 0u; i < 4u; i++) {
        let sample = sample_of(id, i);
        let place = answer - run.write_from + sample * width + column;
        if sample < run.batch {
            answers[place] = values[i].x;
            if column + 1u < width { answers[place + 1u] = values[i].y; }
            if column + 2u < width { answers[place + 2u] = values[i].z; }
            if column + 3u < width { answers[place + 3u] = values[i].w; }
        }
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
