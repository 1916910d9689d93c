// Forward product of layer 0 on samples of the split, which no kernel gathers before. It also copies their targets.

@group(0) @binding(5) var<storage, read_write> targets: array<u32>;

fn input_row(row: u32) -> u32 {
    return sample_in(row);
}

fn left_at(start: u32, count: u32) -> vec4f {
    return value_four(start, count);
}

fn left_words() -> u32 {
    return arrayLength(&values);
}

// Layer 0 is not residual.
fn carried_four(places: vec4u) -> vec4f {
    return vec4f();
}

// Invocations share the words of a row by the columns that they compute.
fn take_targets(row: u32, columns: vec4u) {
    for (var each = 0u; each < 4u; each++) {
        if columns[each] < sizes.outputs {
            for (var word = columns[each]; word < TARGET_WORDS; word += sizes.outputs) {
                targets[row * TARGET_WORDS + word] = split_targets[sample_in(row) * TARGET_WORDS + word];
            }
        }
    }
}
