// Gradients of layer 0 from samples of the split, which no kernel gathers before.

fn input_row(row: u32) -> u32 {
    return sample_in(row);
}

fn right_at(start: u32, count: u32) -> vec4f {
    return value_four(start, count);
}
