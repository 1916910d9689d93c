// Adds the micro-batch's share of its mini-batch's mean loss to the metrics, and moves on. One workgroup.

struct Sizes {
    batch: u32,
    classes: u32,
    // Samples in the mini-batch, of which `batch` may be a part.
    divisor: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> sample_losses: array<f32>;
@group(0) @binding(2) var<storage, read_write> metrics: Metrics;

var<workgroup> partial: array<f32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32) {
    var sum = 0.0;
    for (var sample = lane; sample < sizes.batch; sample += 64u) {
        sum += sample_losses[sample];
    }
    partial[lane] = sum;
    workgroupBarrier();
    if lane == 0u {
        var total = 0.0;
        for (var other = 0u; other < 64u; other++) {
            total += partial[other];
        }
        metrics.loss += total / f32(sizes.divisor);
        metrics.batches += 1u;
        if !is_finite(total) { note_fault(0u); }
    }
}
