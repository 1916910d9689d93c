use super::activation::{sigmoid, times_derivative};
use crate::data::{Split, Targets};
use crate::model::{Activation, Derivative, Loss, Stored};

/// What a mini-batch's outputs are trained for.
#[derive(Clone, Copy)]
pub(super) struct Objective {
    pub loss: Loss,
    /// The last layer's.
    pub activation: Activation,
    /// Share of each target that is spread over all classes.
    pub smoothing: f32,
    /// What sums of losses and deltas are divided by.
    pub divisor: f32,
}

/// What the words of a sample hold.
#[derive(Clone, Copy)]
pub(super) struct Layout {
    /// Words of the targets.
    width: usize,
    are_classes: bool,
    /// Words of a sample: its targets, and its weight if there are weights.
    words: usize,
}

impl Layout {
    pub fn of(split: &Split) -> Self {
        let are_classes = matches!(split.targets(), Targets::Classes(_));
        Layout { width: split.targets().width(), are_classes, words: split.target_words() }
    }

    /// The targets in `words`, `[samples, words]`, each with its weight.
    pub fn targets(self, words: &[u32]) -> impl Iterator<Item = (Target<'_>, f32)> {
        words.chunks_exact(self.words).map(move |words| {
            let (targets, weight) = words.split_at(self.width);
            let target = if self.are_classes { Target::Class(targets[0]) } else { Target::Values(targets) };
            (target, weight.first().copied().map_or(1.0, f32::from_bits))
        })
    }
}

/// Target of one sample.
#[derive(Clone, Copy)]
pub(super) enum Target<'a> {
    /// Class label.
    Class(u32),
    /// Regression target of each output, as the bits of an `f32`.
    Values(&'a [u32]),
}

impl Target<'_> {
    /// Target of output `index` of `outputs`.
    fn value(self, index: usize, outputs: usize) -> f32 {
        match self {
            Target::Values(values) => f32::from_bits(values[index]),
            Target::Class(label) if outputs == 1 => label as f32,
            Target::Class(label) => f32::from(label as usize == index),
        }
    }
}

/// Weighted sum of the samples' losses, in f64, divided by the divisor, and the last layer's delta, likewise. The samples may be a
/// part of their mini-batch. `output` and `delta` are `[targets, outputs]`.
pub(super) fn loss<'a>(
    objective: Objective,
    outputs: usize,
    output: &[f32],
    targets: impl Iterator<Item = (Target<'a>, f32)>,
    delta: &mut [f32],
) -> f64 {
    let Objective { loss, activation, smoothing, divisor } = objective;
    let mut total = 0.0;
    let rows = output.chunks_exact(outputs).zip(delta.chunks_exact_mut(outputs));
    for ((output, delta), (target, weight)) in rows.zip(targets) {
        total += f64::from(of_sample(loss, smoothing, output, target, delta)) * f64::from(weight);
        times_derivative(Derivative { activation, of: Stored::Output }, delta, output);
        for delta in delta {
            *delta = *delta * weight / divisor;
        }
    }
    total / f64::from(divisor)
}

/// Loss of a sample, and its gradient with respect to each output. `smoothing` is the share of the target that is spread over all
/// classes.
pub(super) fn of_sample(
    kind: Loss,
    smoothing: f32,
    output: &[f32],
    target: Target,
    gradient: &mut [f32],
) -> f32 {
    let count = output.len() as f32;
    match kind {
        Loss::Quadratic => sum_up(output, target, gradient, |a, y| (0.5 * (a - y) * (a - y), a - y)),
        Loss::Mse => {
            sum_up(output, target, gradient, |a, y| ((a - y) * (a - y) / count, 2.0 * (a - y) / count))
        }
        Loss::Huber => sum_up(output, target, gradient, |a, y| {
            let (error, distance) = (a - y, (a - y).abs());
            let value = if distance <= 1.0 { 0.5 * error * error } else { distance - 0.5 };
            (value / count, error.clamp(-1.0, 1.0) / count)
        }),
        Loss::BinaryCrossEntropy => sum_up(output, target, gradient, |a, y| {
            // −y · ln σ(a) − (1 − y) · ln(1 − σ(a)), in a form that does not overflow.
            let value = (if a < 0.0 { 0.0 } else { a }) - a * y + (-a.abs()).exp().ln_1p();
            (value / count, (sigmoid(a) - y) / count)
        }),
        // cosh x = e^|x| / (1 + tanh |x|)
        Loss::LogCosh => sum_up(output, target, gradient, |a, y| {
            let (error, tanh) = (a - y, (a - y).tanh());
            ((error.abs() - tanh.abs().ln_1p()) / count, tanh / count)
        }),
        Loss::CrossEntropy => cross_entropy(smoothing, output, target, gradient),
    }
}

/// Sum over the outputs of the loss that `each` returns, with its derivative, for an output and its target.
fn sum_up(
    output: &[f32],
    target: Target,
    gradient: &mut [f32],
    each: impl Fn(f32, f32) -> (f32, f32),
) -> f32 {
    let mut sum = 0.0;
    for (index, (gradient, &a)) in gradient.iter_mut().zip(output).enumerate() {
        let (value, derivative) = each(a, target.value(index, output.len()));
        *gradient = derivative;
        sum += value;
    }
    sum
}

/// `−log softmax(a)[class]`, and its gradient. The largest logit is subtracted first, so that nothing overflows.
fn cross_entropy(smoothing: f32, output: &[f32], target: Target, gradient: &mut [f32]) -> f32 {
    let largest = output.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    for (gradient, &a) in gradient.iter_mut().zip(output) {
        *gradient = (a - largest).exp();
    }
    let sum: f32 = gradient.iter().sum();
    let mut loss = 0.0;
    let spread = smoothing / output.len() as f32;
    for (index, (gradient, &a)) in gradient.iter_mut().zip(output).enumerate() {
        let y = (1.0 - smoothing) * target.value(index, output.len()) + spread;
        *gradient = *gradient / sum - y;
        if y > 0.0 {
            loss += y * (sum.ln() - (a - largest));
        }
    }
    loss
}
