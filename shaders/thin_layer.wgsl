// The table that kernels of thin layers read: for each dispatch, a row for each layer that it runs. The flags NORMALISES, LOADS,
// DROPS, STORES and ADDS_INPUT, and NOWHERE, come from the host's src/gpu/pipelines/shared.rs.

struct Layer {
    inputs: u32,
    outputs: u32,
    // Offset of the parameters, in vec4f: rows of weights, bias, and gain and shift of a normalisation that has them, each padded
    // with zeros to a multiple of four.
    weights: u32,
    flags: u32,
    // Offsets in the pool's buffers, in values, of what a kernel reads: the state before the layer and its delta.
    state: u32,
    delta: u32,
    // The same of what it writes: the state after the layer or the delta below it, or NOWHERE.
    answer: u32,
    // Number of the layer, counted from the last, which is 1: recorded if a parameter is NaN or infinite, and part of what
    // determines masks of dropout.
    place: u32,
}

fn has(layer: Layer, flag: u32) -> bool {
    return (layer.flags & flag) != 0u;
}

fn bias_of(layer: Layer) -> u32 {
    return layer.weights + layer.outputs * whole_fours(layer.inputs);
}

fn whole_fours(count: u32) -> u32 {
    return (count + 3u) / 4u;
}
