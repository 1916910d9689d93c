// Adds the parts of thin layers' gradients, in order.
//
// A kernel adds to this file
//   sum_before(place)       what four sums start from
//   use_sum(place, sum)     uses four gradients

struct Run {
    micro_batch: MicroBatch,
    // Offset of the layers in the parameters, and their size, in vec4f.
    start: u32,
    count: u32,
    parts: u32,
    // Rows of the table, `end` exclusive.
    first: u32,
    end: u32,
}

const LANES = 64u;

var<immediate> run: Run;
@group(0) @binding(0) var<storage, read> layers: array<Layer>;
@group(0) @binding(1) var<storage, read_write> partials: array<vec4f>;

@compute @workgroup_size(LANES)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let stride = run.count;
    if id.x >= stride {
        return;
    }
    var sum = sum_before(run.start + id.x);
    // The bound never binds, but if an immediate alone bounds a loop of a few iterations, lavapipe (Mesa 22.3) compiles the
    // kernel anew for every dispatch.
    let parts = min(run.parts, arrayLength(&partials));
    var part = 0u;
    // Eight loads at a time, so that they wait for memory together.
    for (; part + 8u <= parts; part += 8u) {
        let place = part * stride + id.x;
        let p0 = partials[place];
        let p1 = partials[place + stride];
        let p2 = partials[place + 2u * stride];
        let p3 = partials[place + 3u * stride];
        let p4 = partials[place + 4u * stride];
        let p5 = partials[place + 5u * stride];
        let p6 = partials[place + 6u * stride];
        let p7 = partials[place + 7u * stride];
        sum = sum + p0 + p1 + p2 + p3 + p4 + p5 + p6 + p7;
    }
    for (; part < parts; part++) {
        sum += partials[part * stride + id.x];
    }
    use_sum(run.start + id.x, sum);
}

// The fault of the layer whose parameters are at `place`.
fn fault_place(place: u32) -> u32 {
    // As above, the bound never binds.
    var index = min(run.end, arrayLength(&layers)) - 1u;
    while index > run.first && place < layers[index].weights {
        index--;
    }
    return layers[index].place;
}
