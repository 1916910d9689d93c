// Layer normalisation, activation and dropout: loaded = load((state − mean) / √(variance + ε)) ⊙ mask, per sample.
// State and loaded are [batch, width].

override LOAD: u32;

@group(0) @binding(2) var<storage, read_write> loaded: array<f32>;

fn take(known: Sample, place: vec2u) {
    for (var i = known.start + place.x; i < known.end; i += LANES) {
        let value = activate(LOAD, normalised(known, i));
        loaded[i] = drop_one(value, sizes.place, known.index, i - known.start);
    }
}
