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
@group(0) @binding(4) var<storage, read> step_params: array<StepParams>;

@compute @workgroup_size(LANES)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    // If a uniform alone bounds a loop, lavapipe (Mesa 22.3) compiles the kernel anew for every dispatch.
    let count = min(sizes.count, arrayLength(&parameters));
    for (var index = id.x; index < count; index += groups.x * LANES) {
        let place = sizes.kept_start + index;
        let gradient = metrics.scale * kept[place];
        let number = moved(parameters[sizes.start + index], gradient, place);
        parameters[sizes.start + index] = number;
        if !(is_finite(number) && is_finite(gradient)) { note_fault(sizes.place); }
    }
}
