use super::loss::Target;

/// Number of samples whose `output` `[targets, outputs]` predicts their class label: the first of the largest outputs, or,
/// with one output, 1 if it is above `threshold`. A sample with a NaN output is not correct.
pub(super) fn score<'a>(
    outputs: usize,
    threshold: f32,
    output: &[f32],
    targets: impl Iterator<Item = Target<'a>>,
) -> u32 {
    let mut correct = 0;
    for (output, target) in output.chunks_exact(outputs).zip(targets) {
        let Target::Class(label) = target else { continue };
        let mut best = 0;
        for (class, &a) in output.iter().enumerate() {
            if a > output[best] {
                best = class;
            }
        }
        if outputs == 1 {
            best = usize::from(output[0] > threshold);
        }
        let has_nan = output.iter().any(|a| a.is_nan());
        correct += u32::from(!has_nan && best == label as usize);
    }
    correct
}
