// What thin layers do to their input before the product.

fn transforms_input(layer: Layer) -> bool {
    return (HAS_NORM && has(layer, NORMALISES))
        || (LOAD != IDENTITY && has(layer, LOADS))
        || (HAS_DROPOUT && has(layer, DROPS));
}

// The operand of the product, from four values of the state in a row of the micro-batch, for units from `first` on.
fn transformed(layer: Layer, states: vec4f, row: u32, first: u32) -> vec4f {
    var values = states;
    if HAS_NORM && has(layer, NORMALISES) { values = norm_of(layer, values, row, first / 4u); }
    if LOAD != IDENTITY && has(layer, LOADS) { values = load_four(values); }
    if HAS_DROPOUT && has(layer, DROPS) { values = drop_from(values, layer.place, row, first); }
    return values;
}
