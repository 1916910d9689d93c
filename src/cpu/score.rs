/// How many of `labels` are the first of their sample's largest outputs; `output` is `[batch, classes]`.
/// A sample with a NaN output is not correct.
pub(super) fn score(classes: usize, output: &[f32], labels: &[u32]) -> u32 {
    let mut correct = 0;
    for (output, &label) in output.chunks_exact(classes).zip(labels) {
        let mut best = 0;
        for (class, &a) in output.iter().enumerate() {
            if a > output[best] {
                best = class;
            }
        }
        let has_nan = output.iter().any(|a| a.is_nan());
        correct += u32::from(!has_nan && best == label as usize);
    }
    correct
}
