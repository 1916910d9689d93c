// Adds up the gradients that each workgroup of a chain has left in its part, in order.
//
// A kernel adds to this file
//   take(place, sum)    what becomes of four gradients

override GROUP: u32;

struct Run {
    // Where in the parameters the layers begin, and how much they take, in fours of numbers.
    start: u32,
    count: u32,
    parts: u32,
    rate: f32,
}

var<immediate> run: Run;
@group(0) @binding(0) var<storage, read_write> partials: array<vec4f>;

@compute @workgroup_size(GROUP)
fn main(@builtin(global_invocation_id) id: vec3u) {
    if id.x >= run.count {
        return;
    }
    let stride = arrayLength(&partials) / run.parts;
    var sum = partials[id.x];
    // There are as many at least. Where an immediate alone bounds a loop of a few turns, lavapipe (Mesa 22.3) compiles the
    // kernel anew for every dispatch.
    let parts = min(run.parts, arrayLength(&partials));
    for (var part = 1u; part < parts; part++) {
        sum += partials[part * stride + id.x];
    }
    take(run.start + id.x, sum);
}
