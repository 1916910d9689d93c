// Products of a chain if a lane computes four samples × one column: a layer takes less time than in blocks, but more instructions.
// For small batches, which leave most of a large device idle.

// Sums of the workgroup's samples, [sample, column].
var<workgroup> results: array<f32, 16u * ROW_LANES * STRIDE>;

// Tile `tile` times weights, for each of `columns` vectors of four columns; `depth` is in vectors, too. Lanes share the sums, so
// that each uses four columns of a sample at a time. A lane meets the same columns and samples in every layer.
fn product(layer: Layer, depth: u32, columns: u32, tile: u32, id: vec3u) {
    for (var column = id.y; column < 4u * columns; column += COLUMN_LANES) {
        var sums = vec4f();
        // Read a step ahead, so that no lane waits for its weights.
        var right = right_column(layer, column, 0u);
        for (var k = 0u; k < depth; k++) {
            let next = right_column(layer, column, min(k + 1u, depth - 1u));
            sums = add_terms(sums, transpose(four_samples(tile, k, id)), right);
            right = next;
        }
        results[place_in_results(row_of(id, 0u), column)] = sums.x;
        results[place_in_results(row_of(id, 1u), column)] = sums.y;
        results[place_in_results(row_of(id, 2u), column)] = sums.z;
        results[place_in_results(row_of(id, 3u), column)] = sums.w;
    }
    wait();
    let samples = samples_of_workgroup();
    for (var each = lane_of(id); each < samples * columns; each += lanes()) {
        let row = each % samples;
        let place = place_in_results(row, 4u * (each / samples));
        let sums = vec4f(results[place], results[place + 1u], results[place + 2u], results[place + 3u]);
        take_row(layer, each / samples, sums, row);
    }
}

fn place_in_results(row: u32, column: u32) -> u32 {
    return 4u * STRIDE * row + column;
}

fn wait() {
    workgroupBarrier();
}
