use super::gradient_use::{GradientUse, with_use};
use super::layer::{LayerFunctions, dropout_file};
use super::thin_norm::ThinNorm;
use crate::gpu::pipelines::Binding::{self, Read, Unused, Write};
use crate::gpu::pipelines::{Kernel, Product, Rows, Tile};

/// The gradients of thin layers that apply `norm` and `functions` to their input, if the table says so, for micro-batches of so
/// many samples. Rows of all deltas and states are a multiple of four values wide if they are `by_four`.
pub fn thin_gradient(
    functions: LayerFunctions,
    norm: Option<ThinNorm>,
    used: GradientUse,
    tile: Tile,
    micro_batch: usize,
    by_four: [bool; 2],
) -> Kernel {
    const ALL: &[Binding] = &[Read, Write, Write, Write, Write, Write];
    const NORM: &[Binding] = &[Read, Write, Write, Write, Write, Unused, Read];
    const NORM_KEPT: &[Binding] = &[Read, Write, Write, Write, Write, Write, Read];
    let functions = functions.of_input();
    let dropout = dropout_file(functions.dropout);
    let files = [
        "nan",
        "activation",
        "layer",
        dropout,
        "micro_batch",
        "thin_layer",
        "thin_input",
        "thin_sums",
        "thin_gradient",
    ];
    let (name, plain, normalised) = match used {
        GradientUse::Partial => ("thin_gradient", &ALL[..4], NORM),
        GradientUse::Update(rule) if rule.is_plain() => ("thin_update", &ALL[..5], NORM),
        GradientUse::Update(_) => ("thin_optimize", ALL, NORM_KEPT),
    };
    let kernel = match norm {
        Some(norm) => {
            let kernel = Kernel::new(name, &files, normalised);
            norm.kept_added_to(kernel).with_files(&["thin_kept_norm"])
        }
        None => Kernel::new(name, &files, plain).with_files(&["thin_no_norm"]),
    };
    let [columns, rows] = tile.extent();
    with_use(kernel, used)
        .with_arguments()
        .with_constants(functions.constants())
        .with_constants([("TILE_COLUMNS", columns.into()), ("TILE_ROWS", rows.into())])
        .in_tiles(Product::Gradient, tile, micro_batch, by_four.map(Rows::in_memory), true)
}
