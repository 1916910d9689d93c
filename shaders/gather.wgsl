// Gathers the next micro-batch of a split that is resident on the device: inputs converted to f32, targets as they are.
// Past the split's end the last sample is repeated; `score` does not count it.

// 1 if values are bytes, which are scaled by 1/255, or 4 if they are f32.
override VALUE_BYTES: u32;
// 32-bit words of a sample's targets.
override TARGET_WORDS: u32;

struct Sizes {
    batch: u32,
    features: u32,
    samples: u32,
    // 1 to take samples in their order, 0 to take them in that of `order`.
    in_order: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> order: array<u32>;
@group(0) @binding(2) var<storage, read> values: array<u32>;
@group(0) @binding(3) var<storage, read> split_targets: array<u32>;
@group(0) @binding(4) var<storage, read_write> inputs: array<f32>;
@group(0) @binding(5) var<storage, read_write> targets: array<u32>;

// x: four features; y: a sample of the batch.
@compute @workgroup_size(4, 16)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let row = id.y;
    let first = id.x * 4u;
    if row >= sizes.batch || first >= sizes.features {
        return;
    }
    let position = min(run.micro_batch.index * sizes.batch + row, sizes.samples - 1u);
    var sample = position;
    if sizes.in_order == 0u {
        sample = order[position];
    }
    for (var column = first; column < min(first + 4u, sizes.features); column++) {
        inputs[row * sizes.features + column] = value(sample * sizes.features + column);
    }
    if id.x == 0u {
        for (var word = 0u; word < TARGET_WORDS; word++) {
            targets[row * TARGET_WORDS + word] = split_targets[sample * TARGET_WORDS + word];
        }
    }
}

fn value(index: u32) -> f32 {
    if VALUE_BYTES == 4u {
        return bitcast<f32>(values[index]);
    }
    let byte = (values[index / 4u] >> (8u * (index % 4u))) & 0xffu;
    return f32(byte) * (1.0 / 255.0);
}
