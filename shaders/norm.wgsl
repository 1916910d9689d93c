// Sums of squared gradients, one for each of 64 workgroups.

struct Sizes {
    count: u32,
    // Index of its first sum.
    first: u32,
}

const GROUPS = 64u;
const LANES = 64u;

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read_write> kept: array<f32>;
@group(0) @binding(2) var<storage, read_write> norms: array<f32>;

var<workgroup> partial: array<f32, LANES>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
    // If a uniform alone bounds a loop, lavapipe (Mesa 22.3) compiles the kernel anew for every dispatch.
    let count = min(sizes.count, arrayLength(&kept));
    var sum = 0.0;
    for (var place = group.x * LANES + lane; place < count; place += GROUPS * LANES) {
        sum += kept[place] * kept[place];
    }
    partial[lane] = sum;
    workgroupBarrier();
    if lane == 0u {
        var total = 0.0;
        for (var other = 0u; other < LANES; other++) {
            total += partial[other];
        }
        norms[sizes.first + group.x] = total;
    }
}
