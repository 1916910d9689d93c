use super::loss::Target;
use crate::model::Loss;

/// Number of samples whose `output` `[targets, outputs]` predicts their class label: the first of the largest outputs, or,
/// with one output, 1 if it is above the threshold of `loss`. A sample with a NaN output is not correct. Under cross-entropy,
/// values are probabilities, and the first of the largest counts as the label.
pub(super) fn score<'a>(
    outputs: usize,
    loss: Loss,
    output: &[f32],
    targets: impl Iterator<Item = Target<'a>>,
) -> u32 {
    let mut correct = 0;
    for (output, target) in output.chunks_exact(outputs).zip(targets) {
        let label = match target {
            Target::Class(label) => label as usize,
            Target::Values(bits) if loss == Loss::CrossEntropy => {
                first_largest(bits.iter().map(|&bits| f32::from_bits(bits)))
            }
            Target::Values(_) => continue,
        };
        let best = match output {
            [a] => usize::from(*a > loss.threshold()),
            _ => first_largest(output.iter().copied()),
        };
        let has_nan = output.iter().any(|a| a.is_nan());
        correct += u32::from(!has_nan && best == label);
    }
    correct
}

fn first_largest(values: impl Iterator<Item = f32>) -> usize {
    let largest = values.enumerate().reduce(|best, next| if next.1 > best.1 { next } else { best });
    largest.map_or(0, |(index, _)| index)
}
