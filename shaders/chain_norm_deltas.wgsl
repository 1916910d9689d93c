// Backward pass of normalisation in a chain. With n the normalised state, z = gain · n + shift,
// d = (delta · W) ⊙ mask ⊙ φ′(z) and h = gain · d:
// delta below = (h − mean(h) − n · mean(h · n)) · scale, plus the delta if the layer is residual. RMS normalisation has no mean(h).

// Replaces (delta · W) ⊙ mask in the tile of results by deltas. The last tile has the states. Samples past the batch, which repeat
// its last one, are part of no sum.
fn normalise_deltas(layer: Layer, id: vec3u) {
    find_statistics(layer, TILES - 1u, id);
    let samples = samples_of_workgroup();
    let fours = whole_fours(layer.inputs);
    for (var each = lane_of(id); each < samples * fours; each += lanes()) {
        multiply_by_derivatives(layer, each / samples, each % samples);
    }
    wait();
    let columns = select(0u, fours, HAS_GAIN);
    for (var task = lane_of(id); task < samples + columns; task += lanes()) {
        if task < samples {
            finish_statistics(layer, task);
        } else {
            sum_columns(layer, task - samples);
        }
    }
    wait();
    for (var each = lane_of(id); each < samples * fours; each += lanes()) {
        finish_delta(layer, each / samples, each % samples);
    }
}

fn normalised_state(four: u32, row: u32) -> vec4f {
    return normalised(tiles[place_of(TILES - 1u, row) + four], statistics[row].of_state);
}

fn multiply_by_derivatives(layer: Layer, four: u32, row: u32) {
    let z = with_gain_and_shift(layer, normalised_state(four, row), four);
    put_row(1u - current, four, tiles[place_of(1u - current, row) + four] * derivatives(z), layer.inputs, row);
}

// Keeps mean and scale of a sample, and finds mean(h) and mean(h · n).
fn finish_statistics(layer: Layer, row: u32) {
    var sums = vec4f();
    var along = vec4f();
    for (var four = 0u; four < whole_fours(layer.inputs); four++) {
        let h = with_gain(layer, tiles[place_of(1u - current, row) + four], four);
        if IS_CENTRED { sums += h; }
        along = fma(h, normalised_state(four, row), along);
    }
    let width = f32(layer.inputs);
    statistics[row].of_delta = vec2f(sum_of(sums), sum_of(along)) / width;
    if top + row < run.batch { norms[statistics_place(layer, top + row)] = statistics[row].of_state; }
}

// Keeps the sums of four columns over the workgroup's samples.
fn sum_columns(layer: Layer, four: u32) {
    var sums: array<NormSums, 8>;
    for (var eight = 0u; eight < samples_of_workgroup() / 8u; eight++) {
        var sum = NormSums();
        for (var row = 8u * eight; row < 8u * eight + 8u; row++) {
            let d = select(vec4f(), tiles[place_of(1u - current, row) + four], top + row < run.batch);
            sum.gain = fma(d, normalised_state(four, row), sum.gain);
            sum.shift += d;
        }
        sums[eight] = sum;
    }
    let sum = sum_of_pairs(&sums, samples_of_workgroup() / 8u);
    let place = sums_place(layer, top / GROUP_SAMPLES, 4u * four);
    for (var i = 0u; i < 4u; i++) {
        if 4u * four + i < layer.inputs { norms[place + i] = vec2f(sum.gain[i], sum.shift[i]); }
    }
}

fn finish_delta(layer: Layer, four: u32, row: u32) {
    let h = with_gain(layer, tiles[place_of(1u - current, row) + four], four);
    let known = statistics[row];
    let rest = fma(-normalised_state(four, row), vec4f(known.of_delta.y), h - known.of_delta.x);
    var values = rest * known.of_state.y;
    if IS_RESIDUAL && has(layer, ADDS_INPUT) { values += tiles[place_of(current, row) + four]; }
    put_row(1u - current, four, values, layer.inputs, row);
    write_row(layer.answer, 4u * four, values, layer.inputs, row);
}
