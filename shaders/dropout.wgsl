// Dropout of what a layer reads. Whether a value is dropped follows from the step, the layer, the sample's place in the
// mini-batch and the unit, so no mask is stored, and the forward pass, recomputation and the backward pass have the same one. The
// host's src/model/dropout.rs says how. Layers are counted from the last, which is 1.

override DROPPED: u32;
override KEPT_FACTOR: f32;

const HAS_DROPOUT = true;

// Four values of a sample of the micro-batch, for units from `first` on, which is a multiple of four.
fn drop_from(values: vec4f, layer: u32, row: u32, first: u32) -> vec4f {
    let words = random_words(layer, run.micro_batch.place + row, first / 4u);
    let bits = vec4u(words.x & 0xffffu, words.x >> 16u, words.y & 0xffffu, words.y >> 16u);
    // Selected rather than branched on: if a branch depends on immediates alone, lavapipe (Mesa 22.3) compiles the kernel
    // anew for every dispatch.
    let is_training = (run.micro_batch.flags & DROPS_VALUES) != 0u;
    let kept = vec4f(select(1.0, KEPT_FACTOR, is_training));
    return values * select(kept, vec4f(), bits < vec4u(select(0u, DROPPED, is_training)));
}

// The value of one unit.
fn drop_one(value: f32, layer: u32, row: u32, unit: u32) -> f32 {
    return drop_from(vec4f(value), layer, row, unit / 4u * 4u)[unit % 4u];
}

// Values of any four units.
fn drop_at(values: vec4f, layer: u32, row: u32, units: vec4u) -> vec4f {
    return vec4f(
        drop_one(values.x, layer, row, units.x),
        drop_one(values.y, layer, row, units.y),
        drop_one(values.z, layer, row, units.z),
        drop_one(values.w, layer, row, units.w),
    );
}

// Threefry-2x32 of 13 rounds (Salmon et al. 2011).
fn random_words(layer: u32, sample: u32, four: u32) -> vec2u {
    let k0 = run.micro_batch.dropout_key0;
    let k1 = run.micro_batch.dropout_key1 ^ layer;
    let k2 = 0x1bd11bdau ^ k0 ^ k1;
    var x = vec2u(sample + k0, four + k1);
    x = mixed(mixed(mixed(mixed(x, 13u), 15u), 26u), 6u) + vec2u(k1, k2 + 1u);
    x = mixed(mixed(mixed(mixed(x, 17u), 29u), 16u), 24u) + vec2u(k2, k0 + 2u);
    x = mixed(mixed(mixed(mixed(x, 13u), 15u), 26u), 6u) + vec2u(k0, k1 + 3u);
    return mixed(x, 17u);
}

fn mixed(x: vec2u, rotation: u32) -> vec2u {
    let sum = x.x + x.y;
    return vec2u(sum, ((x.y << rotation) | (x.y >> (32u - rotation))) ^ sum);
}
