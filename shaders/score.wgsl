// Adds the loss of every sample of a test split to those of the samples that were in its place in earlier mini-batches, and counts
// correct predictions. One invocation a sample.
// A prediction is the first of the largest outputs, or, with one output, 1 if it is above the threshold. A sample with a
// NaN output is not correct.

override THRESHOLD: f32;

struct Sizes {
    batch: u32,
    outputs: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;
@group(0) @binding(2) var<storage, read> targets: array<u32>;
@group(0) @binding(3) var<storage, read_write> sample_losses: array<f32>;
@group(0) @binding(4) var<storage, read_write> metrics: Metrics;

var<workgroup> counts: array<u32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(local_invocation_index) lane: u32) {
    let sample = id.x;
    var count = 0u;
    if sample < min(sizes.batch, run.micro_batch.counted) {
        count = select(0u, 1u, is_correct(sample));
        sample_losses[run.micro_batch.place + sample] += loss_of(sample, softmax_of(sample));
    }
    counts[lane] = count;
    workgroupBarrier();
    if lane == 0u {
        for (var other = 1u; other < 64u; other++) {
            count += counts[other];
        }
        atomicAdd(&metrics.correct, count);
    }
}

fn is_correct(sample: u32) -> bool {
    if ARE_VALUES && LOSS != CROSS_ENTROPY {
        return false;
    }
    let start = sample * sizes.outputs;
    var best = 0u;
    var largest = output[start];
    var has_nan = false;
    for (var unit = 0u; unit < outputs(); unit++) {
        let a = output[start + unit];
        has_nan = has_nan || is_nan(a);
        if a > largest {
            largest = a;
            best = unit;
        }
    }
    if ONE_OUTPUT {
        best = select(0u, 1u, output[start] > THRESHOLD);
    }
    return !has_nan && best == label_of(sample);
}

// Class of a sample: of probabilities, the first of the largest.
fn label_of(sample: u32) -> u32 {
    if !ARE_VALUES {
        return targets[sample * TARGET_WORDS];
    }
    var label = 0u;
    for (var unit = 1u; unit < outputs(); unit++) {
        if target_of(sample, unit) > target_of(sample, label) {
            label = unit;
        }
    }
    return label;
}
