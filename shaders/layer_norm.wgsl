// Layer normalisation, then the activation: loaded = load((state − mean) / √(variance + ε)), sample by sample.
// State and loaded [batch, width].

override LOAD: u32;

@group(0) @binding(2) var<storage, read_write> loaded: array<f32>;

@compute @workgroup_size(LANES, SAMPLES)
fn main(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(local_invocation_id) place: vec3u,
) {
    for (var first = group.y * SAMPLES; first < batch(); first += groups.y * SAMPLES) {
        let known = sample(first + place.y, place.xy);
        for (var i = known.start + place.x; i < known.end; i += LANES) {
            loaded[i] = activate(LOAD, normalised(known, i));
        }
    }
}
