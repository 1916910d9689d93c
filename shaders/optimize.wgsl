// Gradients of a micro-batch: added to those of earlier micro-batches, and kept or used to update parameters.

// `true` for the first micro-batch of a mini-batch; `true` if parameters are updated now.
override IS_FIRST: bool;
override MOVES: bool;

@group(0) @binding(3) var<storage, read_write> weights: array<f32>;
@group(0) @binding(4) var<storage, read_write> bias: array<f32>;
@group(0) @binding(5) var<storage, read_write> kept: array<f32>;
@group(0) @binding(6) var<storage, read_write> metrics: Metrics;
@group(0) @binding(7) var<storage, read> step_params: array<StepParams>;

fn take_weight(index: u32, sum: f32) {
    var gradient = sum;
    if !IS_FIRST { gradient += kept[index]; }
    if MOVES {
        let weight = moved(weights[index], gradient, index);
        weights[index] = weight;
        has_fault = has_fault || !(is_finite(weight) && is_finite(gradient));
    } else {
        kept[index] = gradient;
    }
}

// Biases come after the weights.
fn take_bias(index: u32, sum: f32) {
    let place = sizes.inputs * sizes.outputs + index;
    var gradient = sum;
    if !IS_FIRST { gradient += kept[place]; }
    if MOVES {
        let number = moved(bias[index], gradient, place);
        bias[index] = number;
        has_fault = has_fault || !(is_finite(number) && is_finite(gradient));
    } else {
        kept[place] = gradient;
    }
}
