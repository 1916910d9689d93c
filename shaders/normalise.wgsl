// Normalisation, activation and dropout, per sample:
// loaded = load(gain · (state − mean) / √(variance + ε) + shift) ⊙ mask.
// RMS normalisation has the mean square for the variance, and no mean. State and loaded are [batch, width].

override LOAD: u32;

@group(0) @binding(2) var<storage, read_write> loaded: array<f32>;

fn take(known: Sample, place: vec2u) {
    for (var i = known.start + place.x; i < known.end; i += LANES) {
        let unit = i - known.start;
        let value = activate(LOAD, with_gain_and_shift(normalised(known, i), unit));
        loaded[i] = drop_one(value, sizes.place, known.index, unit);
    }
}
