//! The GPU backend: WGSL kernels through wgpu. No other module uses wgpu.

mod adapter;
mod backend;
mod chains;
mod context;
mod dispatch;
mod footprint;
mod fusion;
mod immediates;
mod kernel;
mod optimizer_state;
mod pool;
mod rule;
mod setup;
mod shader;
mod source;
mod staged;
mod stopwatch;
mod table;
mod target;
mod tensors;
mod tile;
mod transfer;
mod tune;
mod tune_cache;
mod work;

pub use adapter::{AdapterKind, adapters};
pub use backend::Gpu;
pub use context::Context;
pub use footprint::Footprint;
pub use staged::Staged;
pub use target::{check_bindings, footprints, with_thin_layers};
pub use tile::{Tile, WorkgroupLimits};
