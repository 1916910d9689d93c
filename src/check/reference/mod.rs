//! The arithmetic of a multi-layer perceptron in f64, written to be read rather than to be fast.
//!
//! The backends are compared with this module, so it shares no code with them, nor with any other room: every
//! function is the formula from the book as a loop. Arrays that do not hold what their shapes say are a panic. Arrays are row-major slices and their shapes are written in brackets. Layer `l`
//! has weights `[outputs, inputs]` and bias `[outputs]`; a state or a delta is `[batch, width]`; labels are
//! class indices `[batch]`. A *delta* is the gradient of the mean loss with respect to a layer's
//! pre-activation, so the division by the batch size happens once, in [`loss`].

mod network;

pub use network::{Gradients, Reference};

/// An activation φ whose derivative can be told from its output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// `1 / (1 + e^-z)`
    Sigmoid,
    /// The hyperbolic tangent.
    Tanh,
    /// `max(z, 0)`
    Relu,
    /// `z`
    Identity,
}

impl Activation {
    /// Every activation.
    pub const ALL: [Self; 4] = [Self::Sigmoid, Self::Tanh, Self::Relu, Self::Identity];

    /// The activation of this name, as the command line spells it.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "sigmoid" => Some(Self::Sigmoid),
            "tanh" => Some(Self::Tanh),
            "relu" => Some(Self::Relu),
            "identity" => Some(Self::Identity),
            _ => None,
        }
    }

    /// φ(z). NaN stays NaN, which is why relu is not `z.max(0.0)`.
    pub fn apply(self, z: f64) -> f64 {
        match self {
            Self::Sigmoid => 1.0 / (1.0 + (-z).exp()),
            Self::Tanh => z.tanh(),
            Self::Relu => {
                if z <= 0.0 {
                    0.0
                } else {
                    z
                }
            }
            Self::Identity => z,
        }
    }

    /// φ'(z) in terms of the output `a` = φ(z); relu's derivative at zero is zero.
    pub fn derivative(self, a: f64) -> f64 {
        match self {
            Self::Sigmoid => a * (1.0 - a),
            Self::Tanh => 1.0 - a * a,
            Self::Relu => {
                if a <= 0.0 {
                    0.0
                } else {
                    1.0
                }
            }
            Self::Identity => 1.0,
        }
    }
}

/// What training minimises: the mean over the batch of a loss per sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// ½·Σ (a − y)² over the outputs, with y the label as one-hot.
    Quadratic,
    /// `−ln softmax(a)[label]`; the outputs are logits, so the last layer's activation is the identity.
    CrossEntropy,
}

impl Loss {
    /// Every loss.
    pub const ALL: [Self; 2] = [Self::Quadratic, Self::CrossEntropy];

    /// The loss of this name, as the command line spells it.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "quadratic" => Some(Self::Quadratic),
            "cross-entropy" => Some(Self::CrossEntropy),
            _ => None,
        }
    }
}

/// The sizes of one layer's work on one batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Samples.
    pub batch: usize,
    /// Width of the state that the layer reads.
    pub inputs: usize,
    /// Width of the state that it makes.
    pub outputs: usize,
}

/// `φ(state · weightsᵀ + bias)`: from `[batch, inputs]` to `[batch, outputs]`.
pub fn forward(
    shape: Shape,
    activation: Activation,
    state: &[f64],
    weights: &[f64],
    bias: &[f64],
) -> Vec<f64> {
    let Shape { batch, inputs, outputs } = shape;
    let mut next = vec![0.0; batch * outputs];
    for n in 0..batch {
        for o in 0..outputs {
            let mut z = bias[o];
            for i in 0..inputs {
                z += state[n * inputs + i] * weights[o * inputs + i];
            }
            next[n * outputs + o] = activation.apply(z);
        }
    }
    next
}

/// The loss of every sample `[batch]`, whose mean is the loss, and the last layer's delta `[batch, width]`,
/// already divided by the batch size.
///
/// `output` is `[batch, width]`, as the last layer stored it; `activation` is that layer's.
pub fn loss(
    loss: Loss,
    activation: Activation,
    batch: usize,
    width: usize,
    output: &[f64],
    labels: &[u32],
) -> (Vec<f64>, Vec<f64>) {
    let mut terms = vec![0.0; batch];
    let mut delta = vec![0.0; batch * width];
    for n in 0..batch {
        let row = &output[n * width..(n + 1) * width];
        let label = labels[n] as usize;
        let one_hot = |o: usize| if o == label { 1.0 } else { 0.0 };

        // The sample's loss, and its gradient with respect to the output `o`.
        let gradient: Vec<f64> = match loss {
            Loss::Quadratic => {
                terms[n] = (0..width).map(|o| 0.5 * (row[o] - one_hot(o)).powi(2)).sum();
                (0..width).map(|o| row[o] - one_hot(o)).collect()
            }
            Loss::CrossEntropy => {
                let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let sum: f64 = row.iter().map(|a| (a - largest).exp()).sum();
                terms[n] = sum.ln() + (largest - row[label]);
                (0..width).map(|o| (row[o] - largest).exp() / sum - one_hot(o)).collect()
            }
        };
        for o in 0..width {
            delta[n * width + o] = gradient[o] * activation.derivative(row[o]) / batch as f64;
        }
    }
    (terms, delta)
}

/// `(delta · weights) ⊙ φ'(state)`: a layer's delta `[batch, outputs]` carried to the layer before it, which
/// stored this layer's input `state` `[batch, inputs]` by its own `activation`.
pub fn delta(
    shape: Shape,
    activation: Activation,
    delta: &[f64],
    weights: &[f64],
    state: &[f64],
) -> Vec<f64> {
    let Shape { batch, inputs, outputs } = shape;
    let mut previous = vec![0.0; batch * inputs];
    for n in 0..batch {
        for i in 0..inputs {
            let mut gradient = 0.0;
            for o in 0..outputs {
                gradient += delta[n * outputs + o] * weights[o * inputs + i];
            }
            previous[n * inputs + i] = gradient * activation.derivative(state[n * inputs + i]);
        }
    }
    previous
}

/// `deltaᵀ · state` `[outputs, inputs]` and `Σ_batch delta` `[outputs]`: the gradients of a layer's weights and
/// bias, from its delta `[batch, outputs]` and its input `state` `[batch, inputs]`.
pub fn weight_gradient(shape: Shape, delta: &[f64], state: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let Shape { batch, inputs, outputs } = shape;
    let mut weights = vec![0.0; outputs * inputs];
    let mut bias = vec![0.0; outputs];
    for n in 0..batch {
        for o in 0..outputs {
            bias[o] += delta[n * outputs + o];
            for i in 0..inputs {
                weights[o * inputs + i] += delta[n * outputs + o] * state[n * inputs + i];
            }
        }
    }
    (weights, bias)
}

/// One step of plain gradient descent, `parameters -= rate · gradients`, in place.
pub fn update(parameters: &mut [f64], gradients: &[f64], rate: f64) {
    assert_eq!(parameters.len(), gradients.len(), "as many gradients as parameters");
    for (parameter, gradient) in parameters.iter_mut().zip(gradients) {
        *parameter -= rate * gradient;
    }
}

/// Whether each row of `output` `[batch, width]` has its first maximum at the label. A row with a NaN has none.
pub fn correct(batch: usize, width: usize, output: &[f64], labels: &[u32]) -> Vec<bool> {
    let mut verdicts = vec![false; batch];
    for n in 0..batch {
        let row = &output[n * width..(n + 1) * width];
        let mut best = 0;
        for o in 1..width {
            if row[o] > row[best] {
                best = o;
            }
        }
        verdicts[n] = best == labels[n] as usize && !row.iter().any(|a| a.is_nan());
    }
    verdicts
}

/// The rows of `rows` `[any, width]` that `indices` names, in that order: `[indices.len(), width]`.
pub fn gather<T: Copy>(width: usize, rows: &[T], indices: &[u32]) -> Vec<T> {
    let mut picked = Vec::new();
    for &index in indices {
        let start = index as usize * width;
        picked.extend_from_slice(&rows[start..start + width]);
    }
    picked
}

/// How far `found` is from `expected`: the Frobenius norm of the difference over that of `expected`.
///
/// Infinite, and so above every tolerance, if anything is NaN or infinite on either side. Where `expected` is
/// all zeros only zeros are right: the error is then 0, else infinite.
pub fn relative_error<T: Copy + Into<f64>>(found: &[T], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len(), "only arrays of equal length can be compared");
    let (mut difference, mut norm) = (0.0, 0.0);
    for (&f, e) in found.iter().zip(expected) {
        difference += (f.into() - e).powi(2);
        norm += e.powi(2);
    }
    if difference == 0.0 && norm.is_finite() {
        0.0
    } else if difference.is_finite() && norm.is_finite() {
        (difference / norm).sqrt()
    } else {
        f64::INFINITY
    }
}
