use super::layer::LayerFunctions;
use crate::gpu::pipelines::Binding::{self, Read, Write};
use crate::gpu::pipelines::Kernel;
use crate::model::{Activation, Derivative};

/// Shape of a chain's workgroup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainShape {
    pub row_lanes: u32,
    pub column_lanes: u32,
    /// Vectors of four columns that a lane computes at a time: one or two.
    pub vectors: u32,
    /// Groups of four samples of a lane: one or two.
    pub quads: u32,
    /// Vectors of four values from one row of a tile to the next.
    pub stride: u32,
    /// Tiles in workgroup memory.
    pub count: u32,
    /// `true` if lanes share their loads through subgroup operations, which needs a workgroup of one
    /// subgroup.
    pub subgroups: bool,
}

/// Takes samples forward through thin layers.
pub fn chain_forward(functions: LayerFunctions, shape: ChainShape) -> Kernel {
    let functions = LayerFunctions { derivative: Derivative::ONE, ..functions };
    chain("chain_forward", &[Read, Read, Write, Write], functions, shape)
}

/// Takes samples backward through thin layers, which yields their deltas.
pub fn chain_delta(functions: LayerFunctions, shape: ChainShape) -> Kernel {
    let functions = LayerFunctions { load: Activation::Identity, store: Activation::Identity, ..functions };
    chain("chain_delta", &[Read, Read, Write, Write, Write], functions, shape)
}

fn chain(
    name: &'static str,
    bindings: &'static [Binding],
    functions: LayerFunctions,
    shape: ChainShape,
) -> Kernel {
    let files = ["nan", "activation", "layer", "multiply_add", "micro_batch", "thin_layer", "chain"];
    let product: &[_] = if shape.subgroups { &["subgroup", "chain_subgroup"] } else { &["chain_lanes"] };
    Kernel::new(name, &files, bindings)
        .with_files(&[name])
        .with_files(product)
        .with_arguments()
        .with_constants([
            ("ROW_LANES", shape.row_lanes.into()),
            ("COLUMN_LANES", shape.column_lanes.into()),
            ("VECTORS", shape.vectors.into()),
            ("QUADS", shape.quads.into()),
            ("STRIDE", shape.stride.into()),
            ("TILES", shape.count.into()),
        ])
        .with_constants(functions.constants())
}
