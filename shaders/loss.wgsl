// Loss of every sample, and the last layer's delta, already divided by the mini-batch. One invocation a sample.

override LOSS: u32;
const QUADRATIC = 0u;

struct Sizes {
    batch: u32,
    classes: u32,
    // Samples in the whole mini-batch, of which `batch` may be a part.
    divisor: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;
@group(0) @binding(2) var<storage, read> labels: array<u32>;
@group(0) @binding(3) var<storage, read_write> delta: array<f32>;
@group(0) @binding(4) var<storage, read_write> sample_losses: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let sample = id.x;
    if sample >= sizes.batch {
        return;
    }
    let start = sample * sizes.classes;
    if LOSS == QUADRATIC {
        sample_losses[sample] = quadratic(start, labels[sample]);
    } else {
        sample_losses[sample] = cross_entropy(start, labels[sample]);
    }
}

// ½ · Σ (a − y)² against the one-hot label.
fn quadratic(start: u32, label: u32) -> f32 {
    var sum = 0.0;
    for (var unit = 0u; unit < sizes.classes; unit++) {
        let a = output[start + unit];
        let error = a - select(0.0, 1.0, unit == label);
        sum += error * error;
        delta[start + unit] = error * derivative(a) / f32(sizes.divisor);
    }
    return 0.5 * sum;
}

// −log softmax(a)[label], with the largest logit taken off first so that no exponential overflows.
fn cross_entropy(start: u32, label: u32) -> f32 {
    var largest = output[start];
    for (var unit = 1u; unit < sizes.classes; unit++) {
        let a = output[start + unit];
        largest = select(largest, a, a > largest);
    }
    var sum = 0.0;
    for (var unit = 0u; unit < sizes.classes; unit++) {
        sum += exponential(output[start + unit] - largest);
    }
    for (var unit = 0u; unit < sizes.classes; unit++) {
        let a = output[start + unit];
        let error = exponential(a - largest) / sum - select(0.0, 1.0, unit == label);
        delta[start + unit] = error * derivative(a) / f32(sizes.divisor);
    }
    return log(sum) - (output[start + label] - largest);
}
