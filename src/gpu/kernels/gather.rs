use super::split::SplitConstants;
use crate::gpu::pipelines::Binding::Write;
use crate::gpu::pipelines::Kernel;

/// Gathers micro-batches of a split into memory.
pub fn gather(split: SplitConstants) -> Kernel {
    Kernel::new("gather", &["gather"], &[Write, Write])
        .with_split()
        .with_micro_batch()
        .with_constants(split.constants())
        .with_extent([4 * 4, 16])
}
