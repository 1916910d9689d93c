// Gathers the next micro-batch of the split: inputs converted to f32, targets as they are.

@group(0) @binding(0) var<storage, read_write> inputs: array<f32>;
@group(0) @binding(1) var<storage, read_write> targets: array<u32>;

// x: four features; y: a sample of the batch.
@compute @workgroup_size(4, 16)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let row = id.y;
    let first = id.x * 4u;
    if row >= split.batch || first >= split.features {
        return;
    }
    let sample = sample_in(row);
    for (var column = first; column < min(first + 4u, split.features); column++) {
        inputs[row * split.features + column] = value(sample * split.features + column);
    }
    if id.x == 0u {
        for (var word = 0u; word < TARGET_WORDS; word++) {
            targets[row * TARGET_WORDS + word] = split_targets[sample * TARGET_WORDS + word];
        }
    }
}
