// Counts the correct predictions of a batch and moves on to the next. One workgroup.
// A prediction is the first of the largest outputs; a sample with a NaN output is not correct.

struct Sizes {
    batch: u32,
    classes: u32,
    // Samples in the whole split; the last batch may hold fewer than `batch`.
    samples: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;
@group(0) @binding(2) var<storage, read> labels: array<u32>;
@group(0) @binding(3) var<storage, read_write> metrics: Metrics;

var<workgroup> partial: array<u32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32) {
    let left = sizes.samples - metrics.batches * sizes.batch;
    let samples = min(sizes.batch, left);
    var count = 0u;
    for (var sample = lane; sample < samples; sample += 64u) {
        count += select(0u, 1u, is_correct(sample));
    }
    partial[lane] = count;
    workgroupBarrier();
    if lane == 0u {
        var total = 0u;
        for (var other = 0u; other < 64u; other++) {
            total += partial[other];
        }
        metrics.correct += total;
        metrics.batches += 1u;
    }
}

fn is_correct(sample: u32) -> bool {
    let start = sample * sizes.classes;
    var best = 0u;
    var largest = output[start];
    var has_nan = false;
    for (var unit = 0u; unit < sizes.classes; unit++) {
        let a = output[start + unit];
        has_nan = has_nan || is_nan(a);
        if a > largest {
            largest = a;
            best = unit;
        }
    }
    return !has_nan && best == labels[sample];
}
