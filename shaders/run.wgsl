// Immediate data of kernels that take nothing else.

struct Run {
    micro_batch: MicroBatch,
}

var<immediate> run: Run;

// Place of the first sample of the micro-batch, which has `batch` samples, in its mini-batch.
fn first_place(batch: u32, mini_batch: u32) -> u32 {
    return run.micro_batch.index * batch % mini_batch;
}
