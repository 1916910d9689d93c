use super::{Activation, Mask};

/// One operation of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Layer normalisation (Ba et al. 2016): a sample's distance from its mean, divided by its [`spread`].
    LayerNorm,
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

/// `√(variance + 1e-5)` over the values of a sample `row` `[width]`.
pub fn spread(row: &[f64]) -> f64 {
    let centre = mean(row);
    let squares: Vec<f64> = row.iter().map(|s| (s - centre) * (s - centre)).collect();
    (mean(&squares) + 1e-5).sqrt()
}

fn mean(row: &[f64]) -> f64 {
    row.iter().sum::<f64>() / row.len() as f64
}

/// `operations`, in order, on each sample of `state`: from `[batch, inputs]` to `[batch, outputs]`, or to
/// `[batch, inputs]` without [`Operation::Linear`].
pub fn forward(
    shape: Shape,
    operations: &[Operation],
    state: &[f64],
    weights: &[f64],
    bias: &[f64],
) -> Vec<f64> {
    assert_eq!(state.len(), shape.batch * shape.inputs);
    let mut next = Vec::new();
    for (n, row) in state.chunks(shape.inputs).enumerate() {
        let mut values = row.to_vec();
        for operation in operations {
            values = match operation {
                Operation::LayerNorm => normalised(&values),
                Operation::Activation(function) => values.iter().map(|&z| function.apply(z)).collect(),
                Operation::Dropout(mask) => {
                    values.iter().enumerate().map(|(i, value)| value * mask.factor(n, i)).collect()
                }
                Operation::Linear => linear(&values, weights, bias),
                Operation::AddInput => values.iter().zip(row).map(|(value, s)| value + s).collect(),
            };
        }
        next.extend(values);
    }
    next
}

fn normalised(row: &[f64]) -> Vec<f64> {
    let (mean, spread) = (mean(row), spread(row));
    row.iter().map(|s| (s - mean) / spread).collect()
}

fn linear(values: &[f64], weights: &[f64], bias: &[f64]) -> Vec<f64> {
    let mut sums = bias.to_vec();
    for (o, sum) in sums.iter_mut().enumerate() {
        for (i, value) in values.iter().enumerate() {
            *sum += value * weights[o * values.len() + i];
        }
    }
    sums
}

/// What a layer of `operations` multiplies by its weights, `[batch, inputs]`, from its input `state` `[batch, inputs]`.
pub fn operand(shape: Shape, operations: &[Operation], state: &[f64]) -> Vec<f64> {
    let (before, _) = around_product(operations);
    forward(shape, before, state, &[], &[])
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
    weights: &[f64],
    state: &[f64],
) -> Vec<f64> {
    let Shape { batch, inputs, outputs } = shape;
    let (before, after) = around_product(operations);
    let mut previous = Vec::new();
    for n in 0..batch {
        let row = &state[n * inputs..(n + 1) * inputs];
        let delta = &delta[n * outputs..(n + 1) * outputs];
        let mut gradients = vec![0.0; inputs];
        for (o, d) in delta.iter().enumerate() {
            for (i, gradient) in gradients.iter_mut().enumerate() {
                *gradient += d * weights[o * inputs + i];
            }
        }
        let before: Vec<_> = before.iter().map(|operation| operation.of_sample(n)).collect();
        for (index, operation) in before.iter().enumerate().rev() {
            let one = Shape { batch: 1, ..shape };
            let read = forward(one, &before[..index], row, &[], &[]);
            match operation {
                Operation::LayerNorm => gradients = through_layer_norm(&read, &gradients),
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
                Operation::Linear | Operation::AddInput => panic!("{operation:?} before the product"),
            }
        }
        if after.contains(&Operation::AddInput) {
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

/// Gradients with respect to a sample `row`, from `gradients` with respect to its normalised values `n`:
/// `∂n_j / ∂s_i = (δ_ij − 1 / width − n_i · n_j / width) / spread`, entry by entry.
fn through_layer_norm(row: &[f64], gradients: &[f64]) -> Vec<f64> {
    let (width, spread, normalised) = (row.len() as f64, spread(row), normalised(row));
    let mut through = vec![0.0; row.len()];
    for i in 0..row.len() {
        for j in 0..row.len() {
            let same = f64::from(u8::from(i == j));
            let slope = (same - 1.0 / width - normalised[i] * normalised[j] / width) / spread;
            through[i] += gradients[j] * slope;
        }
    }
    through
}

/// The gradients of a layer's weights `[outputs, inputs]` and bias `[outputs]`: `deltaᵀ · operand` and `Σ_batch delta`, from
/// its delta `[batch, outputs]` and its [`operand`].
pub fn weight_gradient(shape: Shape, delta: &[f64], operand: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let Shape { batch, inputs, outputs } = shape;
    let mut weights = vec![0.0; outputs * inputs];
    let mut bias = vec![0.0; outputs];
    for n in 0..batch {
        for o in 0..outputs {
            bias[o] += delta[n * outputs + o];
            for i in 0..inputs {
                weights[o * inputs + i] += delta[n * outputs + o] * operand[n * inputs + i];
            }
        }
    }
    (weights, bias)
}
