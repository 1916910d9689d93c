// Depends on the dispatch before it, and does next to nothing.

@group(0) @binding(0) var<storage, read_write> count: array<u32>;

@compute @workgroup_size(1)
fn main() {
    count[0] += 1u;
}
