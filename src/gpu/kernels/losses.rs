//! What compares outputs with targets.

use super::FAULTS;
use crate::gpu::pipelines::Binding::{Read, Uniform, Write};
use crate::gpu::pipelines::Kernel;
use crate::model::{Activation, Loss};

/// The outputs of a network, and their targets.
#[derive(Debug, Clone, Copy)]
pub struct Outputs {
    pub loss: Loss,
    /// `true` if targets are class labels.
    pub are_classes: bool,
    /// `true` if there is one output.
    pub is_one: bool,
    /// 32-bit words of a sample: its targets, and its weight if there are weights.
    pub words: usize,
    pub have_weights: bool,
    /// Share of each target that is spread over all classes in training.
    pub smoothing: f32,
}

/// Losses of samples, and the delta of the last layer, which applies `store` to its product.
pub fn loss(outputs: Outputs, store: Activation) -> Kernel {
    let bindings = &[Uniform, Write, Read, Write, Write, Write];
    Kernel::new("loss", &["nan", "activation", "loss_kind", "losses", "outputs", "loss"], bindings)
        .with_micro_batch()
        .with_files(FAULTS)
        .with_constants(outputs.constants())
        .with_constants([("STORE", f64::from(store as u32))])
        .with_extent([64, 1])
}

/// Adds the losses of samples.
pub fn tally() -> Kernel {
    Kernel::new("tally", &["metrics", "tally"], &[Uniform, Read, Write]).with_extent([u32::MAX, 1])
}

/// Losses of samples of a test split, and the number of correct predictions.
pub fn score(outputs: Outputs) -> Kernel {
    let outputs = Outputs { smoothing: 0.0, ..outputs };
    let files = ["nan", "activation", "loss_kind", "losses", "outputs", "metrics", "score"];
    Kernel::new("score", &files, &[Uniform, Write, Read, Write, Write])
        .with_micro_batch()
        .with_constants(outputs.constants())
        .with_constants([("THRESHOLD", f64::from(outputs.loss.threshold()))])
        .with_extent([64, 1])
}

impl Outputs {
    pub fn constants(self) -> [(&'static str, f64); 6] {
        [
            ("LOSS", f64::from(self.loss as u32)),
            ("ARE_VALUES", f64::from(!self.are_classes)),
            ("ONE_OUTPUT", f64::from(self.is_one)),
            ("TARGET_WORDS", self.words as f64),
            ("HAS_WEIGHTS", f64::from(self.have_weights)),
            ("SMOOTHING", f64::from(self.smoothing)),
        ]
    }
}
