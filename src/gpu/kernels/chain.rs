use super::FAULTS;
use super::layer::{LayerFunctions, dropout_file};
use super::losses::Outputs;
use super::thin_norm::ThinNorm;
use crate::gpu::pipelines::Binding::{self, Read, Write};
use crate::gpu::pipelines::Kernel;
use crate::model::{Activation, Derivative};

/// Shape of a chain's workgroup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainShape {
    pub row_lanes: u32,
    pub column_lanes: u32,
    /// Groups of four samples of a lane: one or two.
    pub quads: u32,
    /// Vectors of four values from one row of a tile to the next.
    pub stride: u32,
    /// Tiles in workgroup memory.
    pub count: u32,
    /// `true` if layers normalise their input.
    pub normalises: bool,
    pub product: ChainProduct,
}

/// What a lane computes at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChainProduct {
    /// Its samples × so many vectors of four columns: one or two.
    Blocks(u32),
    /// Four samples × one column.
    Columns,
    /// Four samples × 32 columns. A workgroup is one subgroup, whose lanes share what they read.
    Subgroup,
}

impl ChainShape {
    /// Samples of a workgroup.
    pub fn samples(self) -> usize {
        (4 * self.quads * self.row_lanes) as usize
    }

    /// Workgroup memory, in bytes.
    pub fn bytes(self) -> u32 {
        let row = 16 * self.stride;
        let rows_of_sums = if self.product == ChainProduct::Columns { 1 } else { 0 };
        let statistics = if self.normalises { 16 } else { 0 };
        self.samples() as u32 * ((self.count + rows_of_sums) * row + statistics)
    }
}

const FORWARD: &[Binding] = &[Read, Read, Write, Write];
/// Without normalisation, these lack the last.
const DELTA: &[Binding] = &[Read, Read, Write, Write, Write, Write];
const FORWARD_BACKWARD: &[Binding] = &[Read, Read, Write, Write, Read, Write, Write, Write];

/// Takes samples forward through thin layers.
pub fn chain_forward(functions: LayerFunctions, norm: Option<ThinNorm>, shape: ChainShape) -> Kernel {
    let functions = LayerFunctions { derivative: Derivative::ONE, ..functions };
    let files = &["chain", "thin_input", "chain_states"];
    chain("chain_forward", files, FORWARD, functions, norm, shape)
}

/// Takes samples backward through thin layers, which yields their deltas.
pub fn chain_delta(functions: LayerFunctions, norm: Option<ThinNorm>, shape: ChainShape) -> Kernel {
    let functions = LayerFunctions { load: Activation::Identity, store: Activation::Identity, ..functions };
    let bindings = if norm.is_some() { DELTA } else { &DELTA[..5] };
    chain("chain_delta", &["chain", "chain_deltas"], bindings, functions, norm, shape)
}

/// Takes samples forward through the last layers, compares `outputs` with targets, and takes them backward.
pub fn chain_forward_backward(
    functions: LayerFunctions,
    norm: Option<ThinNorm>,
    shape: ChainShape,
    outputs: Outputs,
) -> Kernel {
    let bindings = if norm.is_some() { FORWARD_BACKWARD } else { &FORWARD_BACKWARD[..7] };
    // Overrides come before the chain's workgroup memory: naga 30 panics at one that follows an array whose size is
    // computed from overrides.
    let files = &["loss_kind", "chain", "thin_input", "chain_states", "chain_deltas", "losses"];
    chain("chain_forward_backward", files, bindings, functions, norm, shape)
        .with_files(FAULTS)
        .with_constants(outputs.constants())
}

fn chain(
    name: &'static str,
    files: &[&'static str],
    bindings: &'static [Binding],
    functions: LayerFunctions,
    norm: Option<ThinNorm>,
    shape: ChainShape,
) -> Kernel {
    let dropout = dropout_file(functions.dropout);
    let common = ["nan", "activation", "layer", dropout, "multiply_add", "micro_batch", "thin_layer"];
    let (product, vectors): (&[_], _) = match shape.product {
        ChainProduct::Blocks(vectors) => (&["chain_lanes"], vectors),
        ChainProduct::Columns => (&["chain_columns"], 1),
        ChainProduct::Subgroup => (&["subgroup", "chain_subgroup"], 1),
    };
    let kernel = Kernel::new(name, &common, bindings);
    let kernel = match norm {
        Some(norm) => {
            let goes_backward = files.contains(&"chain_deltas");
            let kernel = if goes_backward { norm.kept_added_to(kernel) } else { norm.added_to(kernel) };
            let kernel = kernel.with_files(files).with_files(&["chain_norm"]);
            if goes_backward { kernel.with_files(&["chain_norm_deltas"]) } else { kernel }
        }
        None => kernel.with_files(&["thin_no_norm"]).with_files(files),
    };
    kernel
        .with_files(&[name])
        .with_files(product)
        .with_arguments()
        .with_constants([
            ("ROW_LANES", shape.row_lanes.into()),
            ("COLUMN_LANES", shape.column_lanes.into()),
            ("VECTORS", vectors.into()),
            ("QUADS", shape.quads.into()),
            ("STRIDE", shape.stride.into()),
            ("TILES", shape.count.into()),
        ])
        .with_constants(functions.constants())
}
