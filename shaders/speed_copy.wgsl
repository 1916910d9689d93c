// Copies a buffer, neighbours by neighbours.

@group(0) @binding(0) var<storage, read> source: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> copied: array<vec4f>;

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    for (var index = id.x; index < arrayLength(&copied); index += 256u * groups.x) {
        copied[index] = source[index];
    }
}
