// Sums for the gradients of gain and shift over the samples of a workgroup, which a later kernel adds: of d · n, and of d.

// [groups, width of gain and shift].
@group(0) @binding(5) var<storage, read_write> sums: array<f32>;

var<workgroup> means: array<f32, SAMPLES>;
var<workgroup> scales: array<f32, SAMPLES>;

fn sum_group(known: Sample, place: vec2u) {
    if place.x == 0u {
        means[place.y] = known.mean;
        scales[place.y] = known.scale;
    }
    // Other lanes have written the values of their samples.
    storageBarrier();
    workgroupBarrier();
    let first = known.index - place.y;
    let count = arrayLength(&norm);
    let samples = min(SAMPLES, batch() - first);
    // If a uniform alone bounds a loop, lavapipe (Mesa 22.3) compiles the kernel anew for every dispatch.
    let width = min(sizes.width, count);
    for (var unit = place.y * LANES + place.x; unit < width; unit += SAMPLES * LANES) {
        var of_gain = 0.0;
        var of_shift = 0.0;
        for (var sample = 0u; sample < samples; sample++) {
            let i = (first + sample) * sizes.width + unit;
            of_gain += below[i] * (state[i] - means[sample]) * scales[sample];
            of_shift += below[i];
        }
        let group = first / SAMPLES * count;
        sums[group + unit] = of_gain;
        if IS_CENTRED { sums[group + sizes.width + unit] = of_shift; }
    }
    storageBarrier();
    workgroupBarrier();
}
