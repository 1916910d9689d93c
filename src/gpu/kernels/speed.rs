//! Kernels that tell what a device does.

use crate::gpu::pipelines::Binding::{Read, Write};
use crate::gpu::pipelines::Kernel;

/// Invocations of a workgroup of [`multiply_adds`] and of [`copy`].
pub const PEAK_GROUP: u32 = 256;
pub const COPY_GROUP: u32 = 256;
/// FLOPs of an invocation of [`multiply_adds`] in each turn: sixteen steps of eight vectors.
pub const PEAK_FLOPS: f64 = 16.0 * 8.0 * 4.0 * 2.0;

/// Does next to nothing, but reads what the dispatch before it wrote.
pub fn chained() -> Kernel {
    Kernel::new("chained", &["speed_chained"], &[Write])
}

/// Multiplies and adds on registers, `turns` times.
pub fn multiply_adds(turns: u32) -> Kernel {
    Kernel::new("multiply_adds", &["speed_multiply_adds"], &[Write]).with_constants([("TURNS", turns.into())])
}

/// Copies a buffer.
pub fn copy() -> Kernel {
    Kernel::new("copy", &["speed_copy"], &[Read, Write])
}
