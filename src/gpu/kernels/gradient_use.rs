use super::rule::RuleConstants;
use super::{FAULTS, RULE};
use crate::gpu::pipelines::Kernel;

/// What becomes of the gradients of thin layers.
#[derive(Debug, Clone, Copy)]
pub enum GradientUse {
    /// Those of each part of the micro-batch are stored.
    Partial,
    /// The micro-batch is one part, and the rule uses its gradients.
    Update(RuleConstants),
}

/// `kernel`, which sums gradients over the samples of a part, with what becomes of them.
pub fn with_use(kernel: Kernel, used: GradientUse) -> Kernel {
    let GradientUse::Update(rule) = used else { return kernel.with_files(&["thin_part"]) };
    let kernel = kernel.with_files(&["thin_whole", "thin_parameters"]);
    let kernel = if rule.is_plain() {
        kernel.with_files(&["thin_update"])
    } else {
        kernel.with_files(&["thin_optimize"]).with_files(RULE)
    };
    kernel.with_files(FAULTS).with_constants(rule.of_gradients())
}
