// Backward pass of normalisation, activation and dropout. With n the normalised state, z = gain · n + shift,
// d = below ⊙ mask ⊙ load′(z) and h = gain · d:
// below = (h − mean(h) − n · mean(h · n)) / √(variance + ε), plus delta if the layer is residual. RMS normalisation has no
// mean(h). All are [batch, width]; delta may be wider if it is not added.
//
// A kernel adds to this file
//   sum_group(known, place)    sums d · n and d over the workgroup's samples, of which `known` is one; d is in `below`

override LOAD: u32;
override IS_RESIDUAL: bool;

@group(0) @binding(2) var<storage, read_write> delta: array<f32>;
@group(0) @binding(3) var<storage, read_write> below: array<f32>;

fn take(known: Sample, place: vec2u) {
    var sum = 0.0;
    var along = 0.0;
    for (var i = known.start + place.x; i < known.end; i += LANES) {
        let unit = i - known.start;
        let n = normalised(known, i);
        let kept = drop_one(below[i], sizes.place, known.index, unit);
        let d = kept * derivative_of_pre_activation(LOAD, with_gain_and_shift(n, unit));
        below[i] = d;
        let h = with_gain(d, unit);
        sum += h;
        along += h * n;
    }
    var mean_h = 0.0;
    if IS_CENTRED { mean_h = mean(sum, place); }
    let mean_along = mean(along, place);
    sum_group(known, place);
    for (var i = known.start + place.x; i < known.end; i += LANES) {
        let h = with_gain(below[i], i - known.start);
        var value = known.scale * (h - mean_h - normalised(known, i) * mean_along);
        if IS_RESIDUAL { value += delta[i]; }
        below[i] = value;
    }
}
