// Records the first NaN or infinite value; places increase in the order of a step.

fn note_fault(place: u32) {
    let now = run.micro_batch.index;
    atomicMin(&metrics.fault_batch, now);
    if atomicLoad(&metrics.fault_batch) == now {
        atomicMin(&metrics.fault_place, place);
    }
}
