use super::gradient_use::{GradientUse, with_use};
use crate::gpu::pipelines::Binding::{self, Read, Unused, Write};
use crate::gpu::pipelines::Kernel;
use crate::model::Normalisation;

/// Shader file of the normalisation of thin layers.
const THIN_NORM: &[&str] = &["thin_norm"];
/// The same, with the file of what is kept for gradients.
const KEPT_NORM: &[&str] = &["thin_norm", "thin_norm_sums"];

/// Normalisation of the input of thin layers, and what the backward pass keeps of several at a time for their gradients: mean and
/// scale of each sample, and sums for gain and shift over the samples of each workgroup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThinNorm {
    pub normalisation: Normalisation,
    /// Layers of which these are kept at a time.
    pub layers: usize,
    pub micro_batch: usize,
    /// Samples of a workgroup.
    pub group_samples: usize,
    /// Width of the widest normalised input.
    pub width: usize,
}

impl ThinNorm {
    /// Pairs of numbers that are kept of a layer.
    fn pairs(self) -> usize {
        let sums = self.micro_batch.div_ceil(self.group_samples) * self.width;
        self.micro_batch + if self.normalisation.has_gain() { sums } else { 0 }
    }

    /// Bytes that are kept of a layer.
    pub fn layer_bytes(self) -> u64 {
        8 * self.pairs() as u64
    }

    /// Bytes that are kept.
    pub fn bytes(self) -> u64 {
        self.layers as u64 * self.layer_bytes()
    }

    /// `kernel`, with the files and constants of the normalisation.
    pub fn added_to(self, kernel: Kernel) -> Kernel {
        kernel.with_files(THIN_NORM).with_constants(self.constants())
    }

    /// The same, with those of what is kept for gradients.
    pub fn kept_added_to(self, kernel: Kernel) -> Kernel {
        let kept = [("KEPT_LAYERS", self.layers as f64), ("GROUP_SAMPLES", self.group_samples as f64)];
        kernel.with_files(KEPT_NORM).with_constants(self.constants()).with_constants(kept)
    }

    fn constants(self) -> [(&'static str, f64); 2] {
        let has_gain = f64::from(self.normalisation.has_gain());
        [("IS_CENTRED", f64::from(self.normalisation.is_centred())), ("HAS_GAIN", has_gain)]
    }
}

/// The gradients of gain and shift of thin layers, from the sums that their backward pass has kept.
pub fn thin_norm_gradient(norm: ThinNorm, used: GradientUse) -> Kernel {
    const PART: &[Binding] = &[Read, Unused, Unused, Write, Unused, Unused, Read];
    const PLAIN: &[Binding] = &[Read, Unused, Unused, Write, Write, Unused, Read];
    const KEPT: &[Binding] = &[Read, Unused, Unused, Write, Write, Write, Read];
    let (name, bindings) = match used {
        GradientUse::Partial => ("thin_norm_gradient", PART),
        GradientUse::Update(rule) if rule.is_plain() => ("thin_norm_update", PLAIN),
        GradientUse::Update(_) => ("thin_norm_optimize", KEPT),
    };
    let files = ["micro_batch", "thin_layer", "thin_sums", "thin_kept_norm", "thin_norm_gradient"];
    with_use(norm.kept_added_to(Kernel::new(name, &files, bindings)), used).with_arguments()
}
