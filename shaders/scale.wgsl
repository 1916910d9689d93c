// What gradients are multiplied by so that their norm is not above what it may be. One workgroup.

override CLIP_NORM: f32;
// What is added to the norm before that is divided by it.
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
        // A norm that is no number is no bound; it is met again in the gradients.
        metrics.scale = select(1.0, min(1.0, CLIP_NORM / (sqrt(total) + CLIP_MARGIN)), is_finite(total));
    }
}
