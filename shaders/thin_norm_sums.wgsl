// What the backward pass leaves for the gradients of normalised layers, in a place for each of KEPT_LAYERS layers: mean and scale
// of each sample, and for each GROUP_SAMPLES samples the sums of d · n and of d (see chain_norm_deltas) over them, which are
// the gradients of gain and shift.
//
// A kernel adds to this file `norms`, an array of vec2f.

// Layers of which these are kept at a time.
override KEPT_LAYERS: u32;
override GROUP_SAMPLES: u32;

fn statistics_place(layer: Layer, sample: u32) -> u32 {
    return layer.place % KEPT_LAYERS * (arrayLength(&norms) / KEPT_LAYERS) + sample;
}

fn sums_place(layer: Layer, group: u32, column: u32) -> u32 {
    return statistics_place(layer, run.batch) + group * layer.inputs + column;
}

// Sums of d · n and of d for four columns.
struct NormSums {
    gain: vec4f,
    shift: vec4f,
}

// The sum of the first `count`, a power of two, in pairs: as 64 samples are summed whatever the number of samples of a group.
fn sum_of_pairs(sums: ptr<function, array<NormSums, 8>>, count: u32) -> NormSums {
    for (var apart = 1u; apart < count; apart *= 2u) {
        for (var i = 0u; i < count; i += 2u * apart) {
            (*sums)[i].gain += (*sums)[i + apart].gain;
            (*sums)[i].shift += (*sums)[i + apart].shift;
        }
    }
    return (*sums)[0];
}
