use super::loss::Target;
use crate::model::{Loss, first_largest};

/// Number of samples whose `output` `[targets, outputs]` predicts their class. A sample with a NaN output is not correct. Under
/// cross-entropy, values are probabilities, and the class is that of the first of the largest.
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
            Target::Values(bits) if loss == Loss::CrossEntropy => first_largest(bytemuck::cast_slice(bits)),
            Target::Values(_) => continue,
        };
        let has_nan = output.iter().any(|a| a.is_nan());
        correct += u32::from(!has_nan && loss.predicted_class(output) == label);
    }
    correct
}
