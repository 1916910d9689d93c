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
    for (top = 4u * ROW_LANES * group.x; top < run.batch; top += 4u * ROW_LANES * groups.x) {
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
    var values = mat4x4f();
    for (var i = 0u; i < 4u; i++) {
        let row = layer.state - run.read_from + min(sample_of(id, i), run.batch - 1u) * layer.inputs;
        let places = row + min(4u * column + vec4u(0u, 1u, 2u, 3u), vec4u(layer.inputs - 1u));
        values[i] = sums[i] * derivatives(vec4f(states[places.x], states[places.y], states[places.z], states[places.w]));
    }
    if IS_RESIDUAL && has(layer, ADDS_INPUT) { values += four_samples(current, column, id); }
    put(1u - current, column, values, layer.inputs, id);
    write_answer(layer.answer, 4u * column, values, layer.inputs, id);
}
