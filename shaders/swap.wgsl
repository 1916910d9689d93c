// Exchanges parameters with their moving average, the last plane of `kept`.

struct Sizes {
    count: u32,
    // Their offset among the parameters, and in each plane of `kept`.
    start: u32,
    kept_start: u32,
    place: u32,
}

// Number of planes.
override PLANES: u32;

const LANES = 64u;

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read_write> parameters: array<f32>;
@group(0) @binding(2) var<storage, read_write> kept: array<f32>;

@compute @workgroup_size(LANES)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let plane = arrayLength(&kept) / PLANES * (PLANES - 1u);
    // If a uniform alone bounds a loop, lavapipe (Mesa 22.3) compiles the kernel anew for every dispatch.
    let count = min(sizes.count, arrayLength(&parameters));
    for (var index = id.x; index < count; index += groups.x * LANES) {
        let own = sizes.start + index;
        let place = plane + sizes.kept_start + index;
        let parameter = parameters[own];
        parameters[own] = kept[place];
        kept[place] = parameter;
    }
}
