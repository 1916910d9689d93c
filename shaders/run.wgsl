// Immediate data of kernels that take nothing else.

struct Run {
    micro_batch: MicroBatch,
}

var<immediate> run: Run;
