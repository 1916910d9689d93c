// Forward pass of the last layers, if they are thin, the loss, and their backward pass, but for the gradients: all that a
// sample needs, in one dispatch. States and deltas lie in the binding of the answers.

@group(0) @binding(4) var<storage, read> targets: array<u32>;
@group(0) @binding(5) var<storage, read_write> sample_losses: array<f32>;
@group(0) @binding(6) var<storage, read_write> metrics: Metrics;
@group(0) @binding(7) var<storage, read_write> norms: array<vec2f>;

// What `product` computes.
var<private> goes_backward: bool;

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
        goes_backward = false;
        go_forward(id);
        compare(lane_of(id));
        // Deltas are in workgroup memory. States are read from the pool by the lanes that have written them: both passes divide
        // a layer's columns in the same way.
        wait();
        goes_backward = true;
        go_backward(run.backward_first, run.backward_end, id);
    }
}

// Compares outputs, in the current tile, with targets, and puts deltas in their place. One lane a sample.
fn compare(lane: u32) {
    let last = layers[run.backward_end - 1u];
    for (var row = lane; row < samples_of_workgroup(); row += lanes()) {
        let sample = top + row;
        if sample >= run.batch {
            continue;
        }
        let softmax = softmax_of(sample);
        let loss = loss_of(sample, softmax);
        let weight = weight_of(sample);
        sample_losses[run.micro_batch.place + sample] += loss * weight / run.micro_batch.divisor;
        if !is_finite(loss) { note_fault(0u); }
        for (var unit = 0u; unit < last.outputs; unit++) {
            var slope = derivative_of_loss(sample, unit, softmax);
            if STORE != IDENTITY && has(last, STORES) { slope *= derivative_of_output(STORE, output_of(sample, unit)); }
            let delta = slope * weight / run.micro_batch.divisor;
            tiles[vector_of(sample, unit)][unit % 4u] = delta;
            answers[last.delta - run.write_from + sample * last.outputs + unit] = delta;
        }
    }
}

// Place of the vector with output `unit` of a sample in the current tile.
fn vector_of(sample: u32, unit: u32) -> u32 {
    return (samples_of_workgroup() * current + sample - top) * STRIDE + unit / 4u;
}

fn output_of(sample: u32, unit: u32) -> f32 {
    return tiles[vector_of(sample, unit)][unit % 4u];
}

fn outputs() -> u32 {
    return layers[run.backward_end - 1u].outputs;
}

fn right_block(layer: Layer, column: u32, k: u32) -> mat4x4f {
    if goes_backward { return weights_of_inputs(layer, column, k); }
    return weights_of_outputs(layer, column, k);
}

fn right_column(layer: Layer, column: u32, k: u32) -> vec4f {
    if goes_backward { return weights_of_input(layer, column, k); }
    return weights_of_output(layer, column, k);
}

fn take_block(layer: Layer, column: u32, sums: mat4x4f, id: vec3u) {
    if goes_backward {
        take_deltas(layer, column, sums, id);
    } else {
        take_states(layer, column, sums, id);
    }
}

fn take_row(layer: Layer, column: u32, sums: vec4f, row: u32) {
    if goes_backward {
        take_delta(layer, column, sums, row);
    } else {
        take_state(layer, column, sums, row);
    }
}

fn states_at(layer: Layer, places: vec4u) -> vec4f {
    let all = layer.state - run.write_from + places;
    return vec4f(answers[all.x], answers[all.y], answers[all.z], answers[all.w]);
}
