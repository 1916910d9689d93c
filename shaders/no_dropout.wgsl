// In place of `dropout`, for layers that drop nothing.

const HAS_DROPOUT = false;

fn drop_from(values: vec4f, layer: u32, row: u32, first: u32) -> vec4f {
    return values;
}

fn drop_one(value: f32, layer: u32, row: u32, unit: u32) -> f32 {
    return value;
}

fn drop_at(values: vec4f, layer: u32, row: u32, units: vec4u) -> vec4f {
    return values;
}
