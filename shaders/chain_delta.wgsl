// Backward pass of thin layers, but for the gradients.

@group(0) @binding(4) var<storage, read_write> states: array<f32>;
@group(0) @binding(5) var<storage, read_write> norms: array<vec2f>;

@compute @workgroup_size(ROW_LANES, COLUMN_LANES)
fn main(
    @builtin(local_invocation_id) id: vec3u,
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
) {
    run = guarded();
    let each = samples_of_workgroup();
    for (top = each * group.x; top < run.batch; top += each * groups.x) {
        current = 0u;
        read_operand(layers[run.end - 1u].outputs, id);
        go_backward(run.first, run.end, id);
    }
}

fn right_block(layer: Layer, column: u32, k: u32) -> mat4x4f {
    return weights_of_inputs(layer, column, k);
}

fn right_column(layer: Layer, column: u32, k: u32) -> vec4f {
    return weights_of_input(layer, column, k);
}

fn take_block(layer: Layer, column: u32, sums: mat4x4f, id: vec3u) {
    take_deltas(layer, column, sums, id);
}

fn take_row(layer: Layer, column: u32, sums: vec4f, row: u32) {
    take_delta(layer, column, sums, row);
}

fn states_at(layer: Layer, places: vec4u) -> vec4f {
    let all = layer.state - run.read_from + places;
    return vec4f(states[all.x], states[all.y], states[all.z], states[all.w]);
}
