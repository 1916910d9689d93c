// Updates parameters by gradients that are kept, multiplied by the clipping factor.

struct Sizes {
    count: u32,
    // Their offset among the parameters, and in each plane of `kept`.
    start: u32,
    kept_start: u32,
    // Recorded if one of them is NaN or infinite.
    place: u32,
}

const LANES = 64u;

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read_write> parameters: array<f32>;
@group(0) @binding(2) var<storage, read_write> kept: array<f32>;
@group(0) @binding(3) var<storage, read_write> metrics: Metrics;

@compute @workgroup_size(LANES)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    // If a uniform alone bounds a loop, lavapipe (Mesa 22.3) compiles the kernel anew for every dispatch.
    let count = min(sizes.count, arrayLength(&parameters));
    let stride = groups.x * LANES;
    for (var first = id.x; first < count; first += 4u * stride) {
        let indices = first + stride * vec4u(0u, 1u, 2u, 3u);
        let read = min(indices, vec4u(count - 1u));
        let are_moved = indices == read;
        let places = sizes.kept_start + read;
        let own = sizes.start + read;
        let gradients = metrics.scale * kept_at(0u, places);
        let before = vec4f(parameters[own.x], parameters[own.y], parameters[own.z], parameters[own.w]);
        let numbers = moved(before, gradients, places, are_moved);
        if are_moved.x { parameters[own.x] = numbers.x; }
        if are_moved.y { parameters[own.y] = numbers.y; }
        if are_moved.z { parameters[own.z] = numbers.z; }
        if are_moved.w { parameters[own.w] = numbers.w; }
        if any(are_moved & !(are_finite(numbers) & are_finite(gradients))) { note_fault(sizes.place); }
    }
}
