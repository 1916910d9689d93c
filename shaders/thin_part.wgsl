// Keeps the gradients of each part, for a kernel that adds them.

@group(0) @binding(3) var<storage, read_write> partials: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> parameters: array<vec4f>;

fn take(place: u32, sum: vec4f) {
    partials[part * run.count + place - run.start] = sum;
}
