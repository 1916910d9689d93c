//! What visits all parameters: gradient clipping with the update after it, and the exchange with their moving average.

use super::FAULTS;
use super::rule::RuleConstants;
use crate::gpu::pipelines::Binding::{Uniform, Write};
use crate::gpu::pipelines::Kernel;

/// Sums of squares of gradients.
pub fn norm() -> Kernel {
    Kernel::new("norm", &["norm"], &[Uniform, Write, Write])
}

/// The factor that clips the gradients, from the sums of [`norm`].
pub fn scale(rule: RuleConstants) -> Kernel {
    Kernel::new("scale", &["metrics", "finite", "scale"], &[Write, Write]).with_constants(rule.of_clipping())
}

/// Exchanges parameters with their moving average.
pub fn swap(rule: RuleConstants) -> Kernel {
    Kernel::new("swap", &["swap"], &[Uniform, Write, Write]).with_constants([rule.of_planes()])
}

/// Updates parameters from stored gradients.
pub fn step(rule: RuleConstants) -> Kernel {
    Kernel::new("step", &["step", "rule"], &[Uniform, Write, Write, Write])
        .with_micro_batch()
        .with_files(FAULTS)
        .with_constants(rule.of_optimizer())
}
