// The table of layers, as kernels of thin layers read it. The flags LOADS, STORES, ADDS_INPUT and IS_THIN come from the
// host's src/gpu/fusion.rs.

// Offsets are in vec4f. Rows of weights and the bias, which follows them, are padded with zeros to a multiple of four.
struct Layer {
    inputs: u32,
    outputs: u32,
    weights: u32,
    flags: u32,
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
