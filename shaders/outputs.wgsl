// Outputs in memory, [batch, outputs]. A kernel adds to this file `sizes` and `output`.

// If a uniform alone bounds a loop of a few iterations, lavapipe (Mesa 22.3) compiles the kernel anew for every dispatch.
fn outputs() -> u32 {
    return min(sizes.outputs, arrayLength(&output));
}

fn output_of(sample: u32, unit: u32) -> f32 {
    return output[sample * sizes.outputs + unit];
}
