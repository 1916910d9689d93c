// Sizes of a product of one layer.

struct Sizes {
    batch: u32,
    inputs: u32,
    outputs: u32,
    // Number of the layer, counted from the last, which is 1: recorded if a parameter is NaN or infinite, and part of what
    // determines masks of dropout. 0 for kernels that need it for neither.
    place: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;

// Workgroups are laid out like the tiles of the result.
fn tile_of(group: vec3u) -> vec2u {
    return group.xy;
}
