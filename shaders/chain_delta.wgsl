// Deltas of thin layers, from the last to the first: delta below = (delta · W) ⊙ φ′(state), plus the delta if the layer is
// residual.

@group(0) @binding(4) var<storage, read_write> states: array<f32>;

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
        for (var index = run.end; index > run.first; index--) {
            let layer = layers[index - 1u];
            product(layer, whole_fours(layer.outputs), whole_fours(layer.inputs), current, id);
            wait();
            current = 1u - current;
        }
    }
}

fn right_block(layer: Layer, column: u32, k: u32) -> mat4x4f {
    return four_rows(layer, 4u * k, column);
}

fn take_block(layer: Layer, column: u32, sums: mat4x4f, id: vec3u) {
    var values = mat4x4f(
        sums[0] * derivatives(states_at(layer, places_in(layer.inputs, column, 0u, id))),
        sums[1] * derivatives(states_at(layer, places_in(layer.inputs, column, 1u, id))),
        sums[2] * derivatives(states_at(layer, places_in(layer.inputs, column, 2u, id))),
        sums[3] * derivatives(states_at(layer, places_in(layer.inputs, column, 3u, id))),
    );
    if IS_RESIDUAL && has(layer, ADDS_INPUT) { values += four_samples(current, column, id); }
    put(1u - current, column, values, layer.inputs, id);
    write_answer(layer.answer, 4u * column, values, layer.inputs, id);
}

fn states_at(layer: Layer, places: vec4u) -> vec4f {
    let all = layer.state - run.read_from + places;
    return vec4f(states[all.x], states[all.y], states[all.z], states[all.w]);
}
