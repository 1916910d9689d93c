//! Layer normalisation, sample by sample.

use crate::gpu::pipelines::Binding::{Uniform, Write};
use crate::gpu::pipelines::Kernel;
use crate::model::Activation;

const EXTENT: [u32; 2] = [u32::MAX, 1];

/// Normalises the input of layers that then apply `load` to it.
pub fn layer_norm(load: Activation) -> Kernel {
    Kernel::new("layer_norm", &["nan", "activation", "sample", "layer_norm"], &[Uniform, Write, Write])
        .with_constants([("LOAD", f64::from(load as u32))])
        .with_extent(EXTENT)
}

/// Applies the derivative of the normalisation, and of `load`, to the delta below the layer. With `residual`, the layer adds
/// its input to its output.
pub fn layer_norm_delta(load: Activation, residual: bool) -> Kernel {
    let files = ["nan", "activation", "sample", "layer_norm_delta"];
    Kernel::new("layer_norm_delta", &files, &[Uniform, Write, Write, Write])
        .with_constants([("LOAD", f64::from(load as u32)), ("IS_RESIDUAL", f64::from(residual))])
        .with_extent(EXTENT)
}
