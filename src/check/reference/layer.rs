use super::Activation;

/// What a layer computes beside its product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// `true` if it normalises its input per sample.
    pub layer_norm: bool,
    /// Activation function of its input, after any normalisation.
    pub load: Activation,
    /// Activation function of its product.
    pub store: Activation,
    /// `true` if it adds its input to its output.
    pub residual: bool,
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

/// One sample `row` `[width]` as a layer's `load` receives it: unchanged, or with layer normalisation (Ba et al. 2016) its
/// distance from its mean divided by its [`spread`].
pub fn normalised(kind: Kind, row: &[f64]) -> Vec<f64> {
    if !kind.layer_norm {
        return row.to_vec();
    }
    let (mean, spread) = (mean(row), spread(row));
    row.iter().map(|s| (s - mean) / spread).collect()
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

/// `store(load(state) · weightsᵀ + bias)`, plus `state` if the layer is residual: from `[batch, inputs]` to
/// `[batch, outputs]`.
pub fn forward(shape: Shape, kind: Kind, state: &[f64], weights: &[f64], bias: &[f64]) -> Vec<f64> {
    let Shape { batch, inputs, outputs } = shape;
    let mut next = vec![0.0; batch * outputs];
    for n in 0..batch {
        let read = normalised(kind, &state[n * inputs..(n + 1) * inputs]);
        for o in 0..outputs {
            let mut z = bias[o];
            for i in 0..inputs {
                z += kind.load.apply(read[i]) * weights[o * inputs + i];
            }
            next[n * outputs + o] = kind.store.apply(z);
            if kind.residual {
                next[n * outputs + o] += state[n * inputs + o];
            }
        }
    }
    next
}

/// The delta of the layer `below`, from a layer's delta `[batch, outputs]`: `(delta · weights) ⊙ φ′`, through the Jacobian
/// of layer normalisation, plus delta if the layer is residual. φ′ is the derivative of this layer's `load`, computed from
/// the state `[batch, inputs]`, times that of `below`'s `store`, which wrote the state.
pub fn delta(
    shape: Shape,
    kind: Kind,
    below: Kind,
    delta: &[f64],
    weights: &[f64],
    state: &[f64],
) -> Vec<f64> {
    let Shape { batch, inputs, outputs } = shape;
    let mut previous = vec![0.0; batch * inputs];
    for n in 0..batch {
        let row = &state[n * inputs..(n + 1) * inputs];
        let read = normalised(kind, row);
        let mut gradients = vec![0.0; inputs];
        for i in 0..inputs {
            for o in 0..outputs {
                gradients[i] += delta[n * outputs + o] * weights[o * inputs + i];
            }
            gradients[i] *= kind.load.derivative(read[i]);
        }
        if kind.layer_norm {
            gradients = through_layer_norm(row, &read, &gradients);
        }
        for i in 0..inputs {
            if kind.residual {
                gradients[i] += delta[n * outputs + i];
            }
            previous[n * inputs + i] = gradients[i] * below.store.derivative_from_output(row[i]);
        }
    }
    previous
}

/// Gradients with respect to a sample `row`, from `gradients` with respect to its `normalised` values:
/// `∂n_j / ∂s_i = (δ_ij − 1 / width − n_i · n_j / width) / spread`, entry by entry.
fn through_layer_norm(row: &[f64], normalised: &[f64], gradients: &[f64]) -> Vec<f64> {
    let (width, spread) = (row.len() as f64, spread(row));
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

/// `deltaᵀ · load(state)` `[outputs, inputs]` and `Σ_batch delta` `[outputs]`: the gradients of a layer's weights and
/// bias, from its delta `[batch, outputs]` and its input `state` `[batch, inputs]`, which is normalised first if the layer
/// does so.
pub fn weight_gradient(shape: Shape, kind: Kind, delta: &[f64], state: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let Shape { batch, inputs, outputs } = shape;
    let mut weights = vec![0.0; outputs * inputs];
    let mut bias = vec![0.0; outputs];
    for n in 0..batch {
        let read = normalised(kind, &state[n * inputs..(n + 1) * inputs]);
        for o in 0..outputs {
            bias[o] += delta[n * outputs + o];
            for i in 0..inputs {
                weights[o * inputs + i] += delta[n * outputs + o] * kind.load.apply(read[i]);
            }
        }
    }
    (weights, bias)
}
