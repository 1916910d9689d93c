// Gradients of the gain and shift of thin layers, all in one dispatch, from the sums over groups of samples that the backward pass
// has kept. 64 samples are summed in pairs of groups, and these sums in order.

// One for each four columns of the widest layer, which has 128.
const LANES = 32u;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) four: u32) {
    layer = layers[run.first + group.x];
    part = group.y;
    if !has(layer, NORMALISES) || 4u * four >= layer.inputs {
        return;
    }
    var gain = vec4f();
    var shift = vec4f();
    for (var unit = 0u; unit < PART_SAMPLES / 64u; unit++) {
        let sum = sum_of_unit(part * (PART_SAMPLES / 64u) + unit, four);
        gain += sum.gain;
        shift += sum.shift;
    }
    take(gain_of(layer) + four, gain);
    if IS_CENTRED { take(shift_of(layer) + four, shift); }
}

// The sum over 64 samples, of those inside the batch.
fn sum_of_unit(unit: u32, four: u32) -> NormSums {
    let groups = (run.batch + GROUP_SAMPLES - 1u) / GROUP_SAMPLES;
    var sums: array<NormSums, 8>;
    for (var i = 0u; i < 64u / GROUP_SAMPLES; i++) {
        let group = unit * (64u / GROUP_SAMPLES) + i;
        sums[i] = NormSums();
        if group < groups { sums[i] = sums_at(group, four); }
    }
    return sum_of_pairs(&sums, 64u / GROUP_SAMPLES);
}

// Zero in columns past the width.
fn sums_at(group: u32, four: u32) -> NormSums {
    let columns = 4u * four + vec4u(0u, 1u, 2u, 3u);
    let is_inside = columns < vec4u(layer.inputs);
    let read = min(columns, vec4u(layer.inputs - 1u));
    let n0 = norms[sums_place(layer, group, read.x)];
    let n1 = norms[sums_place(layer, group, read.y)];
    let n2 = norms[sums_place(layer, group, read.z)];
    let n3 = norms[sums_place(layer, group, read.w)];
    let gain = vec4f(n0.x, n1.x, n2.x, n3.x);
    let shift = vec4f(n0.y, n1.y, n2.y, n3.y);
    return NormSums(select(vec4f(), gain, is_inside), select(vec4f(), shift, is_inside));
}
