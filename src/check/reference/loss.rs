use super::activation::{Activation, sigmoid};

/// A loss function of a sample's outputs a and targets y. Training minimises its mean over the batch.
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
    /// The mean over the outputs of ½·(a − y)² if |a − y| ≤ 1, else of |a − y| − ½.
    Huber,
    /// The mean of ln cosh(a − y) over the outputs.
    LogCosh,
}

impl Loss {
    /// Every loss function.
    pub const ALL: [Self; 6] = [
        Self::Quadratic,
        Self::Mse,
        Self::CrossEntropy,
        Self::BinaryCrossEntropy,
        Self::Huber,
        Self::LogCosh,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Quadratic => "quadratic",
            Self::Mse => "mse",
            Self::CrossEntropy => "cross-entropy",
            Self::BinaryCrossEntropy => "binary-cross-entropy",
            Self::Huber => "huber",
            Self::LogCosh => "log-cosh",
        }
    }

    /// The loss function of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|loss| loss.name() == name)
    }

    /// Loss of one sample of outputs `a` and targets `y`, both `[width]`, and its gradient with respect to `a`.
    fn of_sample(self, a: &[f64], y: &[f64]) -> (f64, Vec<f64>) {
        let mean = 1.0 / a.len() as f64;
        let pairs = || a.iter().zip(y);
        match self {
            Self::Quadratic => {
                (pairs().map(|(a, y)| 0.5 * (a - y).powi(2)).sum(), pairs().map(|(a, y)| a - y).collect())
            }
            Self::Mse => (
                pairs().map(|(a, y)| mean * (a - y).powi(2)).sum(),
                pairs().map(|(a, y)| mean * 2.0 * (a - y)).collect(),
            ),
            Self::CrossEntropy => {
                let largest = a.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let sum: f64 = a.iter().map(|a| (a - largest).exp()).sum();
                (
                    pairs().map(|(a, y)| y * (sum.ln() + (largest - a))).sum(),
                    pairs().map(|(a, y)| (a - largest).exp() / sum - y).collect(),
                )
            }
            Self::BinaryCrossEntropy => {
                // ln(1 + e^a), which is −ln(1 − σ(a)).
                let softplus = |a: f64| a.max(0.0) + (-a.abs()).exp().ln_1p();
                (
                    pairs().map(|(&a, y)| mean * (softplus(a) - y * a)).sum(),
                    pairs().map(|(&a, y)| mean * (sigmoid(a) - y)).collect(),
                )
            }
            // ln cosh x = |x| + ln(1 + e^−2|x|) − ln 2
            Self::LogCosh => {
                let value = |d: f64| d + (-2.0 * d).exp().ln_1p() - 2_f64.ln();
                (
                    pairs().map(|(a, y)| mean * value((a - y).abs())).sum(),
                    pairs().map(|(a, y)| mean * (a - y).tanh()).collect(),
                )
            }
            Self::Huber => {
                let value = |d: f64| if d <= 1.0 { 0.5 * d * d } else { d - 0.5 };
                (
                    pairs().map(|(a, y)| mean * value((a - y).abs())).sum(),
                    pairs().map(|(a, y)| mean * (a - y).clamp(-1.0, 1.0)).collect(),
                )
            }
        }
    }
}

/// The targets of class `labels`: one-hot rows of `width`, or if that is 1 the labels themselves, `[batch, width]`.
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

/// The loss of every sample `[batch]`, whose mean is the loss of the batch, and the last layer's delta `[batch, width]`,
/// already divided by the batch size.
///
/// `output` is `[batch, width]`, as the last layer stores it with its `activation`; `targets` are `[batch, width]`.
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
        let (term, gradient) = loss.of_sample(row, &targets[n * width..(n + 1) * width]);
        terms[n] = term;
        for o in 0..width {
            delta[n * width + o] = gradient[o] * activation.derivative_from_output(row[o]) / batch as f64;
        }
    }
    (terms, delta)
}
