// Normalisation, sample by sample. A workgroup has a few samples at a time, and lanes for each of them.
//
// A kernel adds to this file
//   take(known, place)    processes one sample, each lane some of its values

const LANES = 16u;
const SAMPLES = NORM_SAMPLES;

// `true` if the mean is subtracted.
override IS_CENTRED: bool;

struct Sizes {
    batch: u32,
    // Values in a sample.
    width: u32,
    outputs: u32,
    // Number of the layer, counted from the last.
    place: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read_write> state: array<f32>;

var<workgroup> partial: array<f32, LANES * SAMPLES>;

// One of the workgroup's samples.
struct Sample {
    index: u32,
    // The range of its values; empty past the batch.
    start: u32,
    end: u32,
    mean: f32,
    // 1 / √(variance + ε), or the same of the mean square.
    scale: f32,
}

// Samples. If a uniform alone bounds a loop, lavapipe (Mesa 22.3) compiles the kernel anew for every dispatch.
fn batch() -> u32 {
    return min(sizes.batch, arrayLength(&state));
}

fn sample(index: u32, place: vec2u) -> Sample {
    let start = index * sizes.width;
    var known = Sample(index, start, select(start, start + sizes.width, index < batch()), 0.0, 0.0);
    if IS_CENTRED {
        var sum = 0.0;
        for (var i = start + place.x; i < known.end; i += LANES) {
            sum += state[i];
        }
        known.mean = mean(sum, place);
    }
    var squares = 0.0;
    for (var i = start + place.x; i < known.end; i += LANES) {
        let distance = state[i] - known.mean;
        squares += distance * distance;
    }
    known.scale = 1.0 / sqrt(mean(squares, place) + NORM_EPSILON);
    return known;
}

fn normalised(known: Sample, i: u32) -> f32 {
    return (state[i] - known.mean) * known.scale;
}

@compute @workgroup_size(LANES, SAMPLES)
fn main(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(local_invocation_id) place: vec3u,
) {
    for (var first = group.y * SAMPLES; first < batch(); first += groups.y * SAMPLES) {
        take(sample(first + place.y, place.xy), place.xy);
    }
}

// Mean over the values of a sample, from the sum of each of its lanes.
fn mean(sum: f32, place: vec2u) -> f32 {
    let first = place.y * LANES;
    partial[first + place.x] = sum;
    workgroupBarrier();
    var total = 0.0;
    for (var lane = 0u; lane < LANES; lane++) {
        total += partial[first + lane];
    }
    workgroupBarrier();
    return total / f32(sizes.width);
}
