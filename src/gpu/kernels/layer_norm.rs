//! Layer normalisation, sample by sample, with what follows it before the product.

use super::layer::{LayerFunctions, dropout_constants, dropout_file, with_dropout};
use crate::gpu::pipelines::Binding::{self, Uniform, Write};
use crate::gpu::pipelines::Kernel;

const EXTENT: [u32; 2] = [u32::MAX, 1];

/// Normalises the input of layers that then apply the functions of their input to it.
pub fn layer_norm(functions: LayerFunctions) -> Kernel {
    each_sample("layer_norm", &[Uniform, Write, Write], functions)
}

/// Applies the derivative of the normalisation, and of the functions after it, to the delta below the layer; a residual layer adds
/// its delta.
pub fn layer_norm_delta(functions: LayerFunctions) -> Kernel {
    each_sample("layer_norm_delta", &[Uniform, Write, Write, Write], functions)
        .with_constants([("IS_RESIDUAL", f64::from(functions.residual))])
}

fn each_sample(name: &'static str, bindings: &'static [Binding], functions: LayerFunctions) -> Kernel {
    let LayerFunctions { load, dropout, .. } = functions;
    let files = ["nan", "activation", dropout_file(dropout), "sample", name];
    with_dropout(Kernel::new(name, &files, bindings), dropout)
        .with_constants([("LOAD", f64::from(load as u32))])
        .with_constants(dropout_constants(dropout))
        .with_extent(EXTENT)
}
