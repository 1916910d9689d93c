use crate::gpu::pipelines::Binding::{Read, Uniform, Write};
use crate::gpu::pipelines::Kernel;

/// Gathers micro-batches of a resident dataset, whose values take 1 or 4 bytes, and whose samples have so many 32-bit words
/// of targets.
pub fn gather(value_bytes: u32, target_words: u32) -> Kernel {
    Kernel::new("gather", &["gather"], &[Uniform, Read, Read, Read, Write, Write])
        .with_micro_batch()
        .with_constants([("VALUE_BYTES", value_bytes.into()), ("TARGET_WORDS", target_words.into())])
        .with_extent([4 * 4, 16])
}
