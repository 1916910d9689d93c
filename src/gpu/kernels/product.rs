//! The products of a layer that runs alone.

use super::layer::{LayerFunctions, dropout_file, with_dropout};
use super::rule::RuleConstants;
use super::split::SplitConstants;
use super::{FAULTS, RULE};
use crate::gpu::pipelines::Binding::{self, Read, Uniform, Unused, Write};
use crate::gpu::pipelines::{Kernel, LayerProduct, Rows, Tile};
use crate::model::{Activation, Derivative};

/// The output of a layer. With `split` it is layer 0, neither residual nor normalised, and reads the resident dataset; the
/// kernel then copies the targets, too.
pub fn forward(
    functions: LayerFunctions,
    product: LayerProduct,
    tile: Tile,
    split: Option<SplitConstants>,
) -> Kernel {
    let functions = LayerFunctions { derivative: Derivative::ONE, ..functions };
    let files = ["sizes", "nan", "activation", "layer", dropout_file(functions.dropout), "forward"];
    let kernel = match split {
        None => {
            let bindings = &[Uniform, Write, Write, Read, Write, Write];
            let kernel = Kernel::new("forward", &files, bindings).with_files(&["forward_state"]);
            with_dropout(kernel, functions.dropout)
        }
        Some(split) => Kernel::new("forward_split", &files, &[Uniform, Unused, Write, Read, Write, Write])
            .with_files(&["forward_split"])
            .with_split()
            .with_micro_batch()
            .with_constants(split.constants()),
    };
    let [left, right] = operands(product);
    in_tiles(kernel, functions, product, tile, [if split.is_some() { Rows::OfKernel } else { left }, right])
}

pub fn delta(functions: LayerFunctions, product: LayerProduct, tile: Tile) -> Kernel {
    let bindings = &[Uniform, Write, Write, Write, Write];
    let functions = LayerFunctions { load: Activation::Identity, store: Activation::Identity, ..functions };
    let files = ["sizes", "nan", "activation", "layer", dropout_file(functions.dropout), "delta"];
    let kernel = Kernel::new("delta", &files, bindings);
    let kernel = with_dropout(kernel, functions.dropout);
    in_tiles(kernel, functions, product, tile, operands(product))
}

/// The gradients of a layer that applies `functions` to its input, and what `rule` does with them. With `split` it is layer 0, and
/// reads the resident dataset.
pub fn gradient(
    functions: LayerFunctions,
    rule: RuleConstants,
    product: LayerProduct,
    tile: Tile,
    split: Option<SplitConstants>,
) -> Kernel {
    let functions = functions.of_input();
    let files = ["sizes", "nan", "activation", "layer", dropout_file(functions.dropout), "gradient"];
    let (name, bindings): (_, &[Binding]) = match (rule.is_plain(), split) {
        (true, None) => ("update", &[Uniform, Write, Write, Write, Write, Write]),
        (true, Some(_)) => ("update_split", &[Uniform, Write, Unused, Write, Write, Write]),
        (false, None) => ("optimize", &[Uniform, Write, Write, Write, Write, Write, Write]),
        (false, Some(_)) => ("optimize_split", &[Uniform, Write, Unused, Write, Write, Write, Write]),
    };
    let kernel = Kernel::new(name, &files, bindings);
    let kernel = if rule.is_plain() {
        kernel.with_files(&["update"])
    } else {
        kernel.with_files(&["optimize"]).with_files(RULE)
    };
    let kernel = match split {
        None => kernel.with_files(&["gradient_state"]),
        Some(split) => kernel.with_files(&["gradient_split"]).with_split().with_constants(split.constants()),
    };
    let kernel = kernel.with_micro_batch().with_files(FAULTS).with_constants(rule.of_gradients());
    let [left, right] = operands(product);
    in_tiles(kernel, functions, product, tile, [left, if split.is_some() { Rows::OfKernel } else { right }])
}

/// The operands of `product` in memory.
fn operands(product: LayerProduct) -> [Rows; 2] {
    product.by_four().map(Rows::in_memory)
}

fn in_tiles(
    kernel: Kernel,
    functions: LayerFunctions,
    product: LayerProduct,
    tile: Tile,
    operands: [Rows; 2],
) -> Kernel {
    let kernel = kernel.with_constants(functions.constants());
    kernel.in_tiles(product.product, tile, product.depth(), operands, false)
}
