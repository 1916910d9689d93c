// What an update does with the gradients of a micro-batch.

override KEEPS_GRADIENTS: bool;

// `true` if they are added to those of earlier micro-batches of the mini-batch.
fn continues_sums() -> bool {
    return KEEPS_GRADIENTS && (flags() & CONTINUES_SUMS) != 0u;
}

// `true` if the sums are kept, rather than used to update parameters.
fn keeps_sums() -> bool {
    return KEEPS_GRADIENTS && (flags() & KEEPS_SUMS) != 0u;
}

// No bit is masked, but if a branch depends on immediates alone, lavapipe (Mesa 22.3) compiles the kernel anew for every
// dispatch.
fn flags() -> u32 {
    return run.micro_batch.flags & (arrayLength(&kept) | CONTINUES_SUMS | KEEPS_SUMS);
}
