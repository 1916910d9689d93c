//! The arithmetic of a multi-layer perceptron in f64, written to be read rather than to be fast.
//!
//! The backends are compared with this module, so it shares no code with them, nor with any other room: every
//! function is the formula from the book as a loop. Arrays that do not hold what their shapes say are a panic. Arrays are row-major slices and their shapes are written in brackets. Layer `l`
//! has weights `[outputs, inputs]` and bias `[outputs]`; a state or a delta is `[batch, width]`, and so are
//! targets; labels are class indices `[batch]`. A *delta* is the gradient of the mean loss with respect to a layer's
//! pre-activation, so the division by the batch size happens once, in [`loss`].

mod layer;
mod network;

pub use layer::{Kind, Shape, delta, forward, normalised, spread, weight_gradient};
pub use network::{Gradients, Reference};

/// An activation φ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// `1 / (1 + e^-z)`
    Sigmoid,
    /// The hyperbolic tangent.
    Tanh,
    /// `max(z, 0)`
    Relu,
    /// `z`, or `z / 100` where that is negative.
    LeakyRelu,
    /// `z · Φ(z)`, with Φ the normal distribution.
    Gelu,
    /// `z / (1 + e^-z)`
    Silu,
    /// `sin z`
    Sine,
    /// `z`
    Identity,
}

impl Activation {
    /// Every activation.
    pub const ALL: [Self; 8] = [
        Self::Sigmoid,
        Self::Tanh,
        Self::Relu,
        Self::LeakyRelu,
        Self::Gelu,
        Self::Silu,
        Self::Sine,
        Self::Identity,
    ];

    /// φ(z). NaN stays NaN, which is why relu is not `z.max(0.0)`.
    pub fn apply(self, z: f64) -> f64 {
        match self {
            Self::Sigmoid => sigmoid(z),
            Self::Tanh => z.tanh(),
            Self::Relu => {
                if z <= 0.0 {
                    0.0
                } else {
                    z
                }
            }
            Self::LeakyRelu => {
                if z <= 0.0 {
                    0.01 * z
                } else {
                    z
                }
            }
            Self::Gelu => z * normal_distribution(z),
            Self::Silu => z * sigmoid(z),
            Self::Sine => z.sin(),
            Self::Identity => z,
        }
    }

    /// φ'(z); that of a rectifier at zero is that of negative numbers.
    pub fn derivative(self, z: f64) -> f64 {
        match self {
            Self::Sigmoid => sigmoid(z) * (1.0 - sigmoid(z)),
            Self::Tanh => 1.0 - z.tanh() * z.tanh(),
            Self::Relu => {
                if z <= 0.0 {
                    0.0
                } else {
                    1.0
                }
            }
            Self::LeakyRelu => {
                if z <= 0.0 {
                    0.01
                } else {
                    1.0
                }
            }
            Self::Gelu => {
                let density = (-0.5 * z * z).exp() / (2.0 * std::f64::consts::PI).sqrt();
                normal_distribution(z) + z * density
            }
            Self::Silu => sigmoid(z) * (1.0 + z * (1.0 - sigmoid(z))),
            Self::Sine => z.cos(),
            Self::Identity => 1.0,
        }
    }

    /// φ'(z) where only `a` = φ(z) is known, which does for all that are one-to-one, and for rectifiers.
    pub fn derivative_from_output(self, a: f64) -> f64 {
        match self {
            Self::Sigmoid => a * (1.0 - a),
            Self::Tanh => 1.0 - a * a,
            // Their output has the sign of z.
            Self::Relu | Self::LeakyRelu => self.derivative(a),
            Self::Identity => 1.0,
            Self::Gelu | Self::Silu | Self::Sine => f64::NAN,
        }
    }

    /// Whether there is a point where φ' jumps.
    pub fn has_kink(self) -> bool {
        matches!(self, Self::Relu | Self::LeakyRelu)
    }
}

fn sigmoid(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}

/// Φ(z) by its series around zero, and far out by the continued fraction of its tail (Abramowitz & Stegun, 26.2.11 and
/// 26.2.14).
fn normal_distribution(z: f64) -> f64 {
    let density = (-0.5 * z * z).exp() / (2.0 * std::f64::consts::PI).sqrt();
    if z.is_nan() {
        return z;
    }
    if z.abs() < 4.0 {
        let (mut term, mut sum) = (z, z);
        for n in 1..100 {
            term *= z * z / f64::from(2 * n + 1);
            sum += term;
        }
        return 0.5 + density * sum;
    }
    let x = z.abs();
    let mut fraction = x;
    for n in (1..100).rev() {
        fraction = x + f64::from(n) / fraction;
    }
    let tail = density / fraction;
    if z < 0.0 { tail } else { 1.0 - tail }
}

/// What training minimises: the mean over the batch of a loss per sample, of outputs a and targets y.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// ½·Σ (a − y)² over the outputs.
    Quadratic,
    /// The mean of (a − y)² over the outputs.
    Mse,
    /// `−Σ y·ln softmax(a)`
    CrossEntropy,
    /// The mean of `−y·ln σ(a) − (1 − y)·ln(1 − σ(a))` over the outputs.
    BinaryCrossEntropy,
    /// The mean over the outputs of ½·(a − y)² where that is at most ½, else of |a − y| − ½.
    Huber,
}

impl Loss {
    /// Every loss.
    pub const ALL: [Self; 5] =
        [Self::Quadratic, Self::Mse, Self::CrossEntropy, Self::BinaryCrossEntropy, Self::Huber];
}

/// The targets of class `labels`: one-hot rows of `width`, or where that is 1 the labels themselves, `[batch, width]`.
pub fn one_hot(labels: &[u32], width: usize) -> Vec<f64> {
    let mut targets = vec![0.0; labels.len() * width];
    for (n, &label) in labels.iter().enumerate() {
        if width == 1 {
            targets[n] = f64::from(label);
        } else {
            targets[n * width + label as usize] = 1.0;
        }
    }
    targets
}

/// The loss of every sample `[batch]`, whose mean is the loss, and the last layer's delta `[batch, width]`,
/// already divided by the batch size.
///
/// `output` is `[batch, width]`, as the last layer stored it by its `activation`; `targets` are `[batch, width]`.
pub fn loss(
    loss: Loss,
    activation: Activation,
    batch: usize,
    width: usize,
    output: &[f64],
    targets: &[f64],
) -> (Vec<f64>, Vec<f64>) {
    let mut terms = vec![0.0; batch];
    let mut delta = vec![0.0; batch * width];
    for n in 0..batch {
        let row = &output[n * width..(n + 1) * width];
        let y = &targets[n * width..(n + 1) * width];
        let mean = 1.0 / width as f64;

        // The sample's loss, and its gradient with respect to the output `o`.
        let gradient: Vec<f64> = match loss {
            Loss::Quadratic => {
                terms[n] = (0..width).map(|o| 0.5 * (row[o] - y[o]).powi(2)).sum();
                (0..width).map(|o| row[o] - y[o]).collect()
            }
            Loss::Mse => {
                terms[n] = (0..width).map(|o| mean * (row[o] - y[o]).powi(2)).sum();
                (0..width).map(|o| mean * 2.0 * (row[o] - y[o])).collect()
            }
            Loss::CrossEntropy => {
                let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let sum: f64 = row.iter().map(|a| (a - largest).exp()).sum();
                terms[n] = (0..width).map(|o| y[o] * (sum.ln() + (largest - row[o]))).sum();
                (0..width).map(|o| (row[o] - largest).exp() / sum - y[o]).collect()
            }
            Loss::BinaryCrossEntropy => {
                // ln(1 + e^a), which is −ln(1 − σ(a)).
                let softplus = |a: f64| a.max(0.0) + (-a.abs()).exp().ln_1p();
                terms[n] = (0..width).map(|o| mean * (softplus(row[o]) - y[o] * row[o])).sum();
                (0..width).map(|o| mean * (sigmoid(row[o]) - y[o])).collect()
            }
            Loss::Huber => {
                let distance = |o: usize| (row[o] - y[o]).abs();
                let value = |d: f64| if d <= 1.0 { 0.5 * d * d } else { d - 0.5 };
                terms[n] = (0..width).map(|o| mean * value(distance(o))).sum();
                (0..width).map(|o| mean * (row[o] - y[o]).clamp(-1.0, 1.0)).collect()
            }
        };
        for o in 0..width {
            delta[n * width + o] = gradient[o] * activation.derivative_from_output(row[o]) / batch as f64;
        }
    }
    (terms, delta)
}

/// One step of plain gradient descent, `parameters -= rate · gradients`, in place.
pub fn update(parameters: &mut [f64], gradients: &[f64], rate: f64) {
    assert_eq!(parameters.len(), gradients.len(), "as many gradients as parameters");
    for (parameter, gradient) in parameters.iter_mut().zip(gradients) {
        *parameter -= rate * gradient;
    }
}

/// Whether each row of `output` `[batch, width]` has its first maximum at the label, or, where it is one number, whether
/// that is above `threshold` just where the label is 1. A row with a NaN has none.
pub fn correct(batch: usize, width: usize, threshold: f64, output: &[f64], labels: &[u32]) -> Vec<bool> {
    let mut verdicts = vec![false; batch];
    for n in 0..batch {
        let row = &output[n * width..(n + 1) * width];
        let mut best = 0;
        for o in 1..width {
            if row[o] > row[best] {
                best = o;
            }
        }
        if width == 1 && row[0] > threshold {
            best = 1;
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
