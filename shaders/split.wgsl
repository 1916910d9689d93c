// The split that micro-batches come from, resident on the device. Past its end the last sample is repeated; `score` does not
// count it.

// 1 if values are bytes, which are scaled by 1/255, or 4 if they are f32.
override VALUE_BYTES: u32;
// 32-bit words of a sample's targets.
override TARGET_WORDS: u32;
// `true` if samples are a multiple of four values wide.
override IS_BY_FOUR: bool;

struct Split {
    // Samples of a micro-batch.
    batch: u32,
    features: u32,
    samples: u32,
    // 1 to take samples in their order, 0 to take them in that of `order`.
    in_order: u32,
}

@group(1) @binding(0) var<uniform> split: Split;
@group(1) @binding(1) var<storage, read> order: array<u32>;
@group(1) @binding(2) var<storage, read> values: array<u32>;
@group(1) @binding(3) var<storage, read> split_targets: array<u32>;

// The sample in `row` of the micro-batch.
fn sample_in(row: u32) -> u32 {
    let position = min(run.micro_batch.index * split.batch + row, split.samples - 1u);
    if split.in_order == 0u {
        return order[position];
    }
    return position;
}

fn value(index: u32) -> f32 {
    if VALUE_BYTES == 4u {
        return bitcast<f32>(values[index]);
    }
    let byte = (values[index / 4u] >> (8u * (index % 4u))) & 0xffu;
    return f32(byte) * (1.0 / 255.0);
}

// Four values from `start` on. Only `count` of them are the sample's; the others read as zero.
fn value_four(start: u32, count: u32) -> vec4f {
    if IS_BY_FOUR && VALUE_BYTES == 1u {
        let bytes = (vec4u(values[start / 4u]) >> vec4u(0u, 8u, 16u, 24u)) & vec4u(0xffu);
        return vec4f(bytes) * (1.0 / 255.0);
    }
    let rest = count - 1u;
    return vec4f(
        value(start),
        select(0.0, value(start + min(rest, 1u)), rest >= 1u),
        select(0.0, value(start + min(rest, 2u)), rest >= 2u),
        select(0.0, value(start + min(rest, 3u)), rest >= 3u),
    );
}
