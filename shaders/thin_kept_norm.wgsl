// Normalisation of states whose statistics the backward pass has kept.

fn norm_of(layer: Layer, values: vec4f, row: u32, four: u32) -> vec4f {
    return with_gain_and_shift(layer, normalised(values, norms[statistics_place(layer, row)]), four);
}
