use super::normalisation::{layer_norm, rms_norm, through_layer_norm, through_rms_norm};
use super::{Activation, Mask, Parameters};

/// One operation of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Layer normalisation: a sample's distance from its mean, divided by its [`spread`](super::spread).
    LayerNorm,
    /// RMS normalisation: a sample divided by its [`size`](super::size).
    RmsNorm,
    /// The product with the layer's gain, value by value.
    Gain,
    /// Adds the layer's shift, value by value.
    Shift,
    /// An activation function of each value.
    Activation(Activation),
    /// Dropout: each value is multiplied by its factor in the mask.
    Dropout(Mask),
    /// The product with the layer's weights, plus its bias.
    Linear,
    /// Adds the layer's input state.
    AddInput,
}

impl Operation {
    /// The operation on sample `n` alone.
    fn of_sample(self, n: usize) -> Self {
        match self {
            Operation::Dropout(mask) => Operation::Dropout(mask.of_sample(n)),
            other => other,
        }
    }
}

/// The sizes of one layer's work on one batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Samples.
    pub batch: usize,
    /// Width of the input state.
    pub inputs: usize,
    /// Width of the output state.
    pub outputs: usize,
}

/// `operations`, in order, on each sample of `state`: from `[batch, inputs]` to `[batch, outputs]`, or to
/// `[batch, inputs]` without [`Operation::Linear`].
pub fn forward(shape: Shape, operations: &[Operation], state: &[f64], parameters: &Parameters) -> Vec<f64> {
    assert_eq!(state.len(), shape.batch * shape.inputs);
    let mut next = Vec::new();
    for (n, row) in state.chunks(shape.inputs).enumerate() {
        let mut values = row.to_vec();
        for operation in operations {
            values = match operation {
                Operation::LayerNorm => layer_norm(&values),
                Operation::RmsNorm => rms_norm(&values),
                Operation::Gain => {
                    values.iter().zip(&parameters.gain).map(|(value, gain)| value * gain).collect()
                }
                Operation::Shift => {
                    values.iter().zip(&parameters.shift).map(|(value, shift)| value + shift).collect()
                }
                Operation::Activation(function) => values.iter().map(|&z| function.apply(z)).collect(),
                Operation::Dropout(mask) => {
                    values.iter().enumerate().map(|(i, value)| value * mask.factor(n, i)).collect()
                }
                Operation::Linear => linear(&values, &parameters.weights, &parameters.bias),
                Operation::AddInput => values.iter().zip(row).map(|(value, s)| value + s).collect(),
            };
        }
        next.extend(values);
    }
    next
}

fn linear(values: &[f64], weights: &[f64], bias: &[f64]) -> Vec<f64> {
    let rows = weights.chunks_exact(values.len()).zip(bias);
    rows.map(|(row, bias)| bias + dot(row, values)).collect()
}

/// In eight sums, which a processor adds to at once.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let (a, b) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest = a.remainder().iter().zip(b.remainder()).map(|(a, b)| a * b).sum::<f64>();
    let mut sums = [0.0; 8];
    for (a, b) in a.zip(b) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    sums.iter().sum::<f64>() + rest
}

/// Adds `factor · values` to `sums`.
fn add_scaled(sums: &mut [f64], factor: f64, values: &[f64]) {
    assert_eq!(sums.len(), values.len());
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum += factor * value;
    }
}

/// What a layer of `operations` multiplies by its weights, `[batch, inputs]`, from its input `state` `[batch, inputs]`.
pub fn operand(shape: Shape, operations: &[Operation], state: &[f64], parameters: &Parameters) -> Vec<f64> {
    let (before, _) = around_product(operations);
    forward(shape, before, state, parameters)
}

/// The operations before the product, and those after it.
fn around_product(operations: &[Operation]) -> (&[Operation], &[Operation]) {
    let mut around = operations.split(|&operation| operation == Operation::Linear);
    (around.next().unwrap_or_default(), around.next().unwrap_or_default())
}

/// The delta of the layer `below`, `[batch, inputs]`, from the delta `[batch, outputs]` of a layer of `operations` with
/// the input `state` `[batch, inputs]`: back through this layer's product and the operations before it, plus the delta
/// itself if the layer adds its input, and then back through the operations after the product of `below`, which wrote the
/// state.
pub fn delta(
    shape: Shape,
    operations: &[Operation],
    below: &[Operation],
    delta: &[f64],
    parameters: &Parameters,
    state: &[f64],
) -> Vec<f64> {
    let Shape { batch, inputs, outputs } = shape;
    let mut previous = Vec::new();
    for n in 0..batch {
        let row = &state[n * inputs..(n + 1) * inputs];
        let delta = &delta[n * outputs..(n + 1) * outputs];
        let mut gradients = back(shape, operations, n, delta, parameters, row, &mut |_, _, _| ());
        if operations.contains(&Operation::AddInput) {
            for (gradient, d) in gradients.iter_mut().zip(delta) {
                *gradient += d;
            }
        }
        for operation in around_product(below).1 {
            // What a layer adds its input to has the gradient of the sum.
            if let Operation::Activation(function) = operation {
                for (gradient, &s) in gradients.iter_mut().zip(row) {
                    *gradient *= function.derivative_from_output(s);
                }
            }
        }
        previous.extend(gradients);
    }
    previous
}

/// The gradients of a layer's gain and shift, each `[inputs]`, or empty if it has none, from its delta `[batch, outputs]` and its
/// input `state` `[batch, inputs]`.
pub fn norm_gradient(
    shape: Shape,
    operations: &[Operation],
    delta: &[f64],
    parameters: &Parameters,
    state: &[f64],
) -> [Vec<f64>; 2] {
    let Shape { batch, inputs, outputs } = shape;
    let mut gain = vec![0.0; parameters.gain.len()];
    let mut shift = vec![0.0; parameters.shift.len()];
    for n in 0..batch {
        let row = &state[n * inputs..(n + 1) * inputs];
        let delta = &delta[n * outputs..(n + 1) * outputs];
        back(shape, operations, n, delta, parameters, row, &mut |operation, read, gradients| {
            for (i, gradient) in gradients.iter().enumerate() {
                match operation {
                    Operation::Gain => gain[i] += gradient * read[i],
                    Operation::Shift => shift[i] += gradient,
                    _ => {}
                }
            }
        });
    }
    [gain, shift]
}

type Visit<'a> = &'a mut dyn FnMut(Operation, &[f64], &[f64]);

/// Gradients with respect to the input `row` `[inputs]` of sample `n`, from its `delta` `[outputs]`: back through the product and
/// the operations before it, the last first. Each is told to `visit`, with what it read and the gradients with respect to its
/// result.
fn back(
    shape: Shape,
    operations: &[Operation],
    n: usize,
    delta: &[f64],
    parameters: &Parameters,
    row: &[f64],
    visit: Visit,
) -> Vec<f64> {
    let inputs = shape.inputs;
    let mut gradients = vec![0.0; inputs];
    for (&d, row) in delta.iter().zip(parameters.weights.chunks_exact(inputs)) {
        add_scaled(&mut gradients, d, row);
    }
    let (before, _) = around_product(operations);
    let before: Vec<_> = before.iter().map(|operation| operation.of_sample(n)).collect();
    for (index, &operation) in before.iter().enumerate().rev() {
        let read = forward(Shape { batch: 1, ..shape }, &before[..index], row, parameters);
        visit(operation, &read, &gradients);
        match operation {
            Operation::LayerNorm => gradients = through_layer_norm(&read, &gradients),
            Operation::RmsNorm => gradients = through_rms_norm(&read, &gradients),
            Operation::Gain => {
                for (gradient, gain) in gradients.iter_mut().zip(&parameters.gain) {
                    *gradient *= gain;
                }
            }
            Operation::Activation(function) => {
                for (gradient, &z) in gradients.iter_mut().zip(&read) {
                    *gradient *= function.derivative(z);
                }
            }
            Operation::Dropout(mask) => {
                for (i, gradient) in gradients.iter_mut().enumerate() {
                    *gradient *= mask.factor(0, i);
                }
            }
            Operation::Shift => {}
            Operation::Linear | Operation::AddInput => panic!("{operation:?} before the product"),
        }
    }
    gradients
}

/// The gradients of a layer's weights `[outputs, inputs]` and bias `[outputs]`: `deltaᵀ · operand` and `Σ_batch delta`, from
/// its delta `[batch, outputs]` and its [`operand`].
pub fn weight_gradient(shape: Shape, delta: &[f64], operand: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let Shape { batch, inputs, outputs } = shape;
    let mut weights = vec![0.0; outputs * inputs];
    let mut bias = vec![0.0; outputs];
    for n in 0..batch {
        let values = &operand[n * inputs..(n + 1) * inputs];
        for o in 0..outputs {
            let d = delta[n * outputs + o];
            bias[o] += d;
            add_scaled(&mut weights[o * inputs..(o + 1) * inputs], d, values);
        }
    }
    (weights, bias)
}
