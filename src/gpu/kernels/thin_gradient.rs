use super::layer::{LayerFunctions, dropout_file};
use super::rule::RuleConstants;
use super::{FAULTS, RULE};
use crate::gpu::pipelines::Binding::{Read, Write};
use crate::gpu::pipelines::{Kernel, Product, Rows, Tile};

/// What becomes of the gradients of thin layers.
#[derive(Debug, Clone, Copy)]
pub enum GradientUse {
    /// Those of each part of the micro-batch are stored.
    Partial,
    /// The micro-batch is one part, and the rule uses its gradients.
    Update(RuleConstants),
}

/// The gradients of thin layers that apply `functions` to their input, if the table says so, for micro-batches of so many samples.
/// Rows of all deltas and states are a multiple of four values wide if they are `by_four`.
pub fn thin_gradient(
    functions: LayerFunctions,
    used: GradientUse,
    tile: Tile,
    micro_batch: usize,
    by_four: [bool; 2],
) -> Kernel {
    let functions = functions.of_input();
    let dropout = dropout_file(functions.dropout);
    let files =
        ["nan", "activation", "layer", dropout, "micro_batch", "thin_layer", "thin_input", "thin_gradient"];
    let kernel = match used {
        GradientUse::Partial => {
            Kernel::new("thin_gradient", &files, &[Read, Write, Write, Write]).with_files(&["thin_part"])
        }
        GradientUse::Update(rule) => {
            let kernel = if rule.is_plain() {
                Kernel::new("thin_update", &files, &[Read, Write, Write, Write, Write]).with_files(&[
                    "thin_whole",
                    "thin_parameters",
                    "thin_update",
                ])
            } else {
                Kernel::new("thin_optimize", &files, &[Read, Write, Write, Write, Write, Write])
                    .with_files(&["thin_whole", "thin_parameters", "thin_optimize"])
                    .with_files(RULE)
            };
            kernel.with_files(FAULTS).with_constants(rule.of_gradients())
        }
    };
    let [columns, rows] = tile.extent();
    kernel
        .with_arguments()
        .with_constants(functions.constants())
        .with_constants([("TILE_COLUMNS", columns.into()), ("TILE_ROWS", rows.into())])
        .in_tiles(Product::Gradient, tile, micro_batch, by_four.map(Rows::in_memory), true)
}
