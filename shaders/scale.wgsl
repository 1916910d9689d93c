// Factor of the gradients that bounds their global norm. One workgroup.

override CLIP_NORM: f32;
// Added to the norm before CLIP_NORM is divided by it.
override CLIP_MARGIN: f32;

const LANES = 64u;

@group(0) @binding(0) var<storage, read_write> norms: array<f32>;
@group(0) @binding(1) var<storage, read_write> metrics: Metrics;

var<workgroup> partial: array<f32, LANES>;

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_index) lane: u32) {
    var sum = 0.0;
    for (var place = lane; place < arrayLength(&norms); place += LANES) {
        sum += norms[place];
    }
    partial[lane] = sum;
    workgroupBarrier();
    if lane == 0u {
        var total = 0.0;
        for (var other = 0u; other < LANES; other++) {
            total += partial[other];
        }
        // A NaN or infinite norm does not clip; the gradients themselves are checked later.
        metrics.scale = select(1.0, min(1.0, CLIP_NORM / (sqrt(total) + CLIP_MARGIN)), is_finite(total));
    }
}
