// Gradients of the gain and shift of a normalisation, from their sums over groups of NORM_SAMPLES samples. Groups are added in
// order, in parts of PART_SAMPLES samples from the start of the batch, as gradients of thin layers are.
//
// A kernel adds to this file
//   sums_before(places)                 what sums start from, at places in what is kept for the layer
//   take(places, is_inside, sums)       uses four gradients, those that are inside

struct Sizes {
    // Length of gain and shift together.
    count: u32,
    groups: u32,
    // Their offset in each plane of `kept`.
    kept_start: u32,
    // Recorded if one of them is NaN or infinite.
    place: u32,
}

const LANES = 64u;

@group(0) @binding(0) var<uniform> sizes: Sizes;
// [groups, count].
@group(0) @binding(1) var<storage, read_write> sums: array<f32>;
@group(0) @binding(2) var<storage, read_write> norm: array<f32>;
@group(0) @binding(3) var<storage, read_write> metrics: Metrics;

@compute @workgroup_size(LANES)
fn main(@builtin(global_invocation_id) id: vec3u) {
    // If a uniform alone bounds a loop, lavapipe (Mesa 22.3) compiles the kernel anew for every dispatch.
    let count = min(sizes.count, arrayLength(&norm));
    let groups = min(sizes.groups, arrayLength(&sums));
    if 4u * id.x >= count {
        return;
    }
    let indices = 4u * id.x + vec4u(0u, 1u, 2u, 3u);
    let places = min(indices, vec4u(count - 1u));
    var total = sums_before(places);
    for (var part = 0u; part < groups; part += PART_SAMPLES / NORM_SAMPLES) {
        let end = min(part + PART_SAMPLES / NORM_SAMPLES, groups);
        var sum = vec4f();
        var group = part;
        // Four loads at a time, so that they wait for memory together.
        for (; group + 4u <= end; group += 4u) {
            let s0 = sums_at(group, count, places);
            let s1 = sums_at(group + 1u, count, places);
            let s2 = sums_at(group + 2u, count, places);
            let s3 = sums_at(group + 3u, count, places);
            sum = sum + s0 + s1 + s2 + s3;
        }
        for (; group < end; group++) {
            sum += sums_at(group, count, places);
        }
        total += sum;
    }
    take(places, indices == places, total);
}

fn sums_at(group: u32, count: u32, places: vec4u) -> vec4f {
    let all = group * count + places;
    return vec4f(sums[all.x], sums[all.y], sums[all.z], sums[all.w]);
}

fn norm_at(places: vec4u) -> vec4f {
    return vec4f(norm[places.x], norm[places.y], norm[places.z], norm[places.w]);
}

fn put_norm(places: vec4u, is_inside: vec4<bool>, numbers: vec4f) {
    if is_inside.x { norm[places.x] = numbers.x; }
    if is_inside.y { norm[places.y] = numbers.y; }
    if is_inside.z { norm[places.z] = numbers.z; }
    if is_inside.w { norm[places.w] = numbers.w; }
}
