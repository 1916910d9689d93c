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

const LANES = 256u;
// Lanes that sum the partial sums of as many others.
const FEW = 16u;

var<workgroup> partial: array<f32, LANES>;

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_index) lane: u32) {
    var sum = 0.0;
    // Four loads at a time, so that they wait for memory together.
    for (var sample = lane; sample < sizes.batch; sample += 4u * LANES) {
        sum += loss_of(sample) + loss_of(sample + LANES) + loss_of(sample + 2u * LANES) + loss_of(sample + 3u * LANES);
    }
    partial[lane] = sum;
    workgroupBarrier();
    sum = 0.0;
    if lane < FEW {
        for (var other = 0u; other < LANES / FEW; other++) {
            sum += partial[other * FEW + lane];
        }
    }
    workgroupBarrier();
    if lane < FEW { partial[lane] = sum; }
    workgroupBarrier();
    if lane == 0u {
        var total = 0.0;
        for (var other = 0u; other < FEW; other++) {
            total += partial[other];
        }
        metrics.loss += total / f32(sizes.divisor);
        metrics.batches += 1u;
        if !is_finite(total) { note_fault(0u); }
    }
}

fn loss_of(sample: u32) -> f32 {
    return select(0.0, sample_losses[min(sample, sizes.batch - 1u)], sample < sizes.batch);
}
