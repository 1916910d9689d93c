//! The products of a layer that runs alone.

use super::layer::LayerFunctions;
use super::rule::RuleConstants;
use super::{FAULTS, RULE};
use crate::gpu::pipelines::Binding::{Read, Uniform, Write};
use crate::gpu::pipelines::{Kernel, LayerProduct, Tile};
use crate::model::{Activation, Derivative};

pub fn forward(functions: LayerFunctions, product: LayerProduct, tile: Tile) -> Kernel {
    let bindings = &[Uniform, Write, Write, Read, Write, Write];
    let functions = LayerFunctions { derivative: Derivative::ONE, ..functions };
    let files = ["sizes", "nan", "activation", "layer", "forward"];
    in_tiles(Kernel::new("forward", &files, bindings), functions, product, tile)
}

pub fn delta(functions: LayerFunctions, product: LayerProduct, tile: Tile) -> Kernel {
    let bindings = &[Uniform, Write, Write, Write, Write];
    let functions = LayerFunctions { load: Activation::Identity, store: Activation::Identity, ..functions };
    let files = ["sizes", "nan", "activation", "layer", "delta"];
    in_tiles(Kernel::new("delta", &files, bindings), functions, product, tile)
}

/// The gradients of a layer, and what `rule` does with them. The layer applies `load` to its input.
pub fn gradient(load: Activation, rule: RuleConstants, product: LayerProduct, tile: Tile) -> Kernel {
    let files = ["sizes", "nan", "activation", "layer", "gradient"];
    let kernel = if rule.is_plain() {
        let bindings = &[Uniform, Write, Write, Write, Write, Write];
        Kernel::new("update", &files, bindings).with_files(&["update"])
    } else {
        let bindings = &[Uniform, Write, Write, Write, Write, Write, Write];
        Kernel::new("optimize", &files, bindings).with_files(&["optimize"]).with_files(RULE)
    };
    let kernel = kernel.with_micro_batch().with_files(FAULTS).with_constants(rule.of_gradients());
    in_tiles(kernel, LayerFunctions { load, ..LayerFunctions::NONE }, product, tile)
}

fn in_tiles(kernel: Kernel, functions: LayerFunctions, product: LayerProduct, tile: Tile) -> Kernel {
    let kernel = kernel.with_constants(functions.constants());
    kernel.in_tiles(product.product, tile, product.depth(), product.by_four(), false)
}
