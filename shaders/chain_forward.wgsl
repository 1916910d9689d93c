// Forward pass of thin layers.

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
        read_operand(layers[run.first].inputs, id);
        go_forward(id);
    }
}

fn right_block(layer: Layer, column: u32, k: u32) -> mat4x4f {
    return weights_of_outputs(layer, column, k);
}

fn right_column(layer: Layer, column: u32, k: u32) -> vec4f {
    return weights_of_output(layer, column, k);
}

fn take_block(layer: Layer, column: u32, sums: mat4x4f, id: vec3u) {
    take_states(layer, column, sums, id);
}

fn take_row(layer: Layer, column: u32, sums: vec4f, row: u32) {
    take_state(layer, column, sums, row);
}
