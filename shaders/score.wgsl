// Counts the correct predictions of a batch, and sums its losses. One workgroup.
// A prediction is the first of the largest outputs, or, with one output, 1 if it is above the threshold. A sample with a
// NaN output is not correct.

override THRESHOLD: f32;

struct Sizes {
    batch: u32,
    outputs: u32,
    // Samples in the whole split; the last batch may hold fewer than `batch`.
    samples: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;
@group(0) @binding(2) var<storage, read> targets: array<u32>;
@group(0) @binding(3) var<storage, read_write> metrics: Metrics;

var<workgroup> counts: array<u32, 64>;
var<workgroup> losses: array<f32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32) {
    let left = sizes.samples - run.micro_batch.index * sizes.batch;
    // The array's length never binds, but if uniforms and immediates alone bound a loop, lavapipe (Mesa 22.3) compiles the
    // kernel anew for every dispatch.
    let samples = min(min(sizes.batch, left), arrayLength(&output));
    var count = 0u;
    var loss = 0.0;
    for (var sample = lane; sample < samples; sample += 64u) {
        count += select(0u, 1u, is_correct(sample));
        loss += loss_of(sample, softmax_of(sample));
    }
    counts[lane] = count;
    losses[lane] = loss;
    workgroupBarrier();
    if lane == 0u {
        for (var other = 0u; other < 64u; other++) {
            metrics.correct += counts[other];
            metrics.loss += losses[other];
        }
    }
}

fn is_correct(sample: u32) -> bool {
    if ARE_VALUES {
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
    return !has_nan && best == targets[sample];
}
