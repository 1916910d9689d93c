// Notes the first number that is infinite or none; what comes earlier in a step has the lower place.

fn note_fault(place: u32) {
    let now = metrics.batches;
    atomicMin(&metrics.fault_batch, now);
    if atomicLoad(&metrics.fault_batch) == now {
        atomicMin(&metrics.fault_place, place);
    }
}

// Told by its bits: compilers may assume that there is nothing else.
fn is_finite(x: f32) -> bool {
    return (bitcast<u32>(x) & 0x7f800000u) != 0x7f800000u;
}
