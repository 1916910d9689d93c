//! What lies where in device memory: sizes, tables, the pool, parameters and optimizer state.

mod chain_shape;
mod chains;
mod footprint;
mod fusion;
mod optimizer_state;
mod pool;
mod setup;
mod sizes;
mod table;
mod target;
mod tensors;
mod thin_parameters;

pub use chains::Chains;
pub use footprint::{DatasetBytes, Footprint, METRICS_BYTES, SplitBytes};
pub use fusion::{Fusion, MOST_GROUPS};
pub use optimizer_state::OptimizerState;
pub use pool::{Placement, Pool, Slots, Window};
pub use setup::Setup;
pub use sizes::{NORMS, SizesTable};
pub use table::Table;
pub use target::{check_bindings, footprints, keeps_bits, with_thin_layers};
pub use tensors::{LayerTensors, Tensors};
