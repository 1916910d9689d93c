// What kernels share that sum the gradients of thin layers over the samples of a part.
//
// Parts are of PART_SAMPLES samples, counted from the start of the batch, so those of a micro-batch are parts of its mini-batch.
//
// A kernel adds to this file
//   take(place, sum)    uses the gradients of four parameters, at a place in vec4f

struct Run {
    micro_batch: MicroBatch,
    batch: u32,
    // First row of the table.
    first: u32,
    // Tiles of the layer that has most.
    tiles: u32,
    // Offsets of the bindings in the pool's buffers, in values.
    states_from: u32,
    deltas_from: u32,
    // Offset of the parameters, and their size, in vec4f.
    start: u32,
    count: u32,
}

var<immediate> run: Run;
@group(0) @binding(0) var<storage, read> layers: array<Layer>;
@group(0) @binding(6) var<storage, read> norms: array<vec2f>;

var<private> layer: Layer;
var<private> part: u32;

// The fault of the layer whose parameters are at `place`.
fn fault_place(place: u32) -> u32 {
    return layer.place;
}
