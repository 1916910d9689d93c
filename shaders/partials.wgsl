// Sums the gradients over the parts that the workgroups of a chain have written, in order.
//
// A kernel adds to this file
//   take(place, sum)    uses four gradients

override GROUP: u32;

struct Run {
    // Offset of the layers in the parameters, and their size, in vec4f.
    start: u32,
    count: u32,
    parts: u32,
}

struct Layer {
    inputs: u32,
    outputs: u32,
    weights: u32,
    bias: u32,
}

var<immediate> run: Run;
@group(0) @binding(0) var<storage, read_write> partials: array<vec4f>;
@group(0) @binding(1) var<storage, read> layers: array<Layer>;
@group(0) @binding(2) var<storage, read_write> metrics: Metrics;
@group(0) @binding(3) var<storage, read> step_params: array<StepParams>;

@compute @workgroup_size(GROUP)
fn main(@builtin(global_invocation_id) id: vec3u) {
    if id.x >= run.count {
        return;
    }
    let stride = arrayLength(&partials) / run.parts;
    var sum = partials[id.x];
    // The bound never binds, but if an immediate alone bounds a loop of a few iterations, lavapipe (Mesa 22.3) compiles the
    // kernel anew for every dispatch.
    let parts = min(run.parts, arrayLength(&partials));
    for (var part = 1u; part < parts; part++) {
        sum += partials[part * stride + id.x];
    }
    take(run.start + id.x, sum);
}

fn are_finite(numbers: vec4f) -> bool {
    return is_finite(numbers.x) && is_finite(numbers.y) && is_finite(numbers.z) && is_finite(numbers.w);
}

// The fault of the layer whose parameters are at `place`. Layers that run alone have none, and no bias after them.
fn fault_place(place: u32) -> u32 {
    let count = arrayLength(&layers);
    for (var index = 0u; index < count; index++) {
        let layer = layers[index];
        let end = layer.bias + (layer.outputs + 3u) / 4u;
        if layer.bias > layer.weights && layer.weights <= place && place < end {
            return count - index;
        }
    }
    return count;
}
