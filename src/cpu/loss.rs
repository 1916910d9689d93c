use crate::model::{Activation, Loss};

/// The sum of the samples' losses over `divisor`, and the last layer's delta over the same: the samples of the whole
/// mini-batch, of which these may be a part.
///
/// `output` and `delta` are `[labels.len(), classes]`; `activation` is the one that made the output.
pub(super) fn loss(
    kind: Loss,
    activation: Activation,
    output: &[f32],
    labels: &[u32],
    divisor: f32,
    delta: &mut [f32],
) -> f32 {
    let classes = output.len() / labels.len();
    let mut total = 0.0;
    for ((output, delta), &label) in
        output.chunks_exact(classes).zip(delta.chunks_exact_mut(classes)).zip(labels)
    {
        let label = label as usize;
        total += match kind {
            Loss::Quadratic => quadratic(output, label, delta),
            Loss::CrossEntropy => cross_entropy(output, label, delta),
        };
        for (delta, &a) in delta.iter_mut().zip(output) {
            *delta = *delta * activation.derivative(a) / divisor;
        }
    }
    total / divisor
}

/// `½ · Σ (a − y)²`, and its gradient with respect to each output.
fn quadratic(output: &[f32], label: usize, gradient: &mut [f32]) -> f32 {
    let mut sum = 0.0;
    for (class, (gradient, &a)) in gradient.iter_mut().zip(output).enumerate() {
        *gradient = a - f32::from(class == label);
        sum += *gradient * *gradient;
    }
    0.5 * sum
}

/// `−log softmax(a)[label]`, and its gradient. The largest logit is taken off first, so that nothing overflows.
fn cross_entropy(output: &[f32], label: usize, gradient: &mut [f32]) -> f32 {
    let largest = output.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    for (gradient, &a) in gradient.iter_mut().zip(output) {
        *gradient = (a - largest).exp();
    }
    let sum: f32 = gradient.iter().sum();
    for (class, gradient) in gradient.iter_mut().enumerate() {
        *gradient = *gradient / sum - f32::from(class == label);
    }
    sum.ln() - (output[label] - largest)
}
