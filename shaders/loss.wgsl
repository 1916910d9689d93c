// Loss of every sample, added to those of the samples that were in its place in earlier mini-batches of the pass, and the last
// layer's delta, both divided by what the mini-batch's are divided by. One invocation a sample.

override STORE: u32;

struct Sizes {
    batch: u32,
    outputs: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;
@group(0) @binding(2) var<storage, read> targets: array<u32>;
@group(0) @binding(3) var<storage, read_write> delta: array<f32>;
@group(0) @binding(4) var<storage, read_write> sample_losses: array<f32>;
@group(0) @binding(5) var<storage, read_write> metrics: Metrics;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let sample = id.x;
    if sample >= sizes.batch {
        return;
    }
    let softmax = softmax_of(sample);
    let loss = loss_of(sample, softmax);
    let weight = weight_of(sample);
    sample_losses[run.micro_batch.place + sample] += loss * weight / run.micro_batch.divisor;
    if !is_finite(loss) { note_fault(0u); }
    for (var unit = 0u; unit < outputs(); unit++) {
        let place = sample * sizes.outputs + unit;
        let slope = derivative_of_loss(sample, unit, softmax) * derivative_of_output(STORE, output[place]);
        delta[place] = slope * weight / run.micro_batch.divisor;
    }
}
