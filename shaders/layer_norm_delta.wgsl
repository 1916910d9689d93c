// Backward pass of layer normalisation, activation and dropout. With h = below ⊙ mask ⊙ load′(n), and n the normalised state:
// below = (h − mean(h) − n · mean(h · n)) / √(variance + ε), plus delta if the layer is residual.
// All are [batch, width]; delta may be wider if it is not added.

override LOAD: u32;
override IS_RESIDUAL: bool;

@group(0) @binding(2) var<storage, read_write> delta: array<f32>;
@group(0) @binding(3) var<storage, read_write> below: array<f32>;

fn take(known: Sample, place: vec2u) {
    var sum = 0.0;
    var along = 0.0;
    for (var i = known.start + place.x; i < known.end; i += LANES) {
        let n = normalised(known, i);
        let kept = drop_one(below[i], sizes.place, known.index, i - known.start);
        let h = kept * derivative_of_pre_activation(LOAD, n);
        below[i] = h;
        sum += h;
        along += h * n;
    }
    let mean_h = mean(sum, place);
    let mean_along = mean(along, place);
    for (var i = known.start + place.x; i < known.end; i += LANES) {
        var value = known.scale * (below[i] - mean_h - normalised(known, i) * mean_along);
        if IS_RESIDUAL { value += delta[i]; }
        below[i] = value;
    }
}
