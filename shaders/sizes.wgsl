// Sizes of a product of one layer.

struct Sizes {
    batch: u32,
    inputs: u32,
    outputs: u32,
    // Recorded if a parameter of the layer is NaN or infinite.
    place: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;

// Workgroups are laid out like the tiles of the result.
fn tile_of(group: vec3u) -> vec2u {
    return group.xy;
}
