// Adds the summed losses of all places of the mini-batch, at the end of a pass. One workgroup.

struct Sizes {
    mini_batch: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> sample_losses: array<f32>;
@group(0) @binding(2) var<storage, read_write> metrics: Metrics;

const LANES = 64u;
// Samples between two of the same sum. An invocation has four sums.
const STRIDE = 4u * LANES;
// Lanes that add up as many of these sums each.
const FEW = 16u;

var<workgroup> partial: array<vec4f, LANES>;

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_index) lane: u32) {
    var sums = vec4f();
    // Sixteen loads at a time, so that they wait for memory together.
    for (var sample = 4u * lane; sample < sizes.mini_batch; sample += 4u * STRIDE) {
        sums += losses_from(sample) + losses_from(sample + STRIDE) + losses_from(sample + 2u * STRIDE)
            + losses_from(sample + 3u * STRIDE);
    }
    partial[lane] = sums;
    workgroupBarrier();
    var sum = 0.0;
    if lane < FEW {
        for (var other = lane; other < STRIDE; other += FEW) {
            sum += partial[other / 4u][other % 4u];
        }
    }
    workgroupBarrier();
    if lane < FEW { partial[lane].x = sum; }
    workgroupBarrier();
    if lane == 0u {
        var total = 0.0;
        for (var other = 0u; other < FEW; other++) {
            total += partial[other].x;
        }
        metrics.loss = total;
    }
}

fn losses_from(first: u32) -> vec4f {
    return vec4f(loss_of(first), loss_of(first + 1u), loss_of(first + 2u), loss_of(first + 3u));
}

fn loss_of(sample: u32) -> f32 {
    return select(0.0, sample_losses[min(sample, sizes.mini_batch - 1u)], sample < sizes.mini_batch);
}
