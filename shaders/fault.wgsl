// Records the first NaN or infinite value; places increase in the order of a step.

fn note_fault(place: u32) {
    let now = metrics.batches;
    atomicMin(&metrics.fault_batch, now);
    if atomicLoad(&metrics.fault_batch) == now {
        atomicMin(&metrics.fault_place, place);
    }
}

// From the bits, as compilers may assume that all values are finite.
fn is_finite(x: f32) -> bool {
    return (bitcast<u32>(x) & 0x7f800000u) != 0x7f800000u;
}

fn are_finite(numbers: vec4f) -> vec4<bool> {
    return vec4<bool>(is_finite(numbers.x), is_finite(numbers.y), is_finite(numbers.z), is_finite(numbers.w));
}
