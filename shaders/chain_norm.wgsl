// Mean and scale of the workgroup's samples.

struct Statistics {
    // Mean and scale.
    of_state: vec2f,
    // Two more means, in the backward pass.
    of_delta: vec2f,
}

var<workgroup> statistics: array<Statistics, 4u * QUADS * ROW_LANES>;

fn norm_of(layer: Layer, values: vec4f, row: u32, four: u32) -> vec4f {
    return with_gain_and_shift(layer, normalised(values, statistics[row - top].of_state), four);
}

// Finds mean and scale of the states in a tile, one lane a sample.
fn find_statistics(layer: Layer, tile: u32, id: vec3u) {
    let fours = whole_fours(layer.inputs);
    let width = f32(layer.inputs);
    for (var row = lane_of(id); row < samples_of_workgroup(); row += lanes()) {
        let place = place_of(tile, row);
        var mean = 0.0;
        if IS_CENTRED {
            var sums = vec4f();
            for (var four = 0u; four < fours; four++) {
                sums += tiles[place + four];
            }
            mean = sum_of(sums) / width;
        }
        var squares = vec4f();
        for (var four = 0u; four < fours; four++) {
            let distances = inside_width(layer, tiles[place + four] - mean, four);
            squares = fma(distances, distances, squares);
        }
        statistics[row].of_state = vec2f(mean, 1.0 / sqrt(sum_of(squares) / width + NORM_EPSILON));
    }
    wait();
}

fn inside_width(layer: Layer, values: vec4f, four: u32) -> vec4f {
    return select(vec4f(), values, 4u * four + vec4u(0u, 1u, 2u, 3u) < vec4u(layer.inputs));
}

fn sum_of(values: vec4f) -> f32 {
    return values.x + values.y + values.z + values.w;
}
