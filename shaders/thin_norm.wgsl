// Normalisation of the input of thin layers, all of which have the same. Gain and shift follow the bias.
//
// A kernel adds to this file
//   norm_of(layer, values, row, four)    normalises values of a sample of the micro-batch, with gain and shift

const HAS_NORM = true;

// `true` if the mean is subtracted.
override IS_CENTRED: bool;
override HAS_GAIN: bool;

// `statistics` are mean and scale: 1 / √(variance + ε), or the same of the mean square.
fn normalised(values: vec4f, statistics: vec2f) -> vec4f {
    return (values - statistics.x) * statistics.y;
}

fn with_gain(layer: Layer, values: vec4f, four: u32) -> vec4f {
    if HAS_GAIN { return values * parameters[gain_of(layer) + four]; }
    return values;
}

fn with_gain_and_shift(layer: Layer, values: vec4f, four: u32) -> vec4f {
    if HAS_GAIN && IS_CENTRED {
        return fma(values, parameters[gain_of(layer) + four], parameters[shift_of(layer) + four]);
    }
    return with_gain(layer, values, four);
}

fn gain_of(layer: Layer) -> u32 {
    return bias_of(layer) + whole_fours(layer.outputs);
}

fn shift_of(layer: Layer) -> u32 {
    return gain_of(layer) + whole_fours(layer.inputs);
}
