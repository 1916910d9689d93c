//! The GPU backend: WGSL kernels through wgpu. No other module uses wgpu.
//!
//! Its folders, lowest first: `device` opens an adapter, `pipelines` compiles kernels, `kernels` lists them, `memory` knows
//! what lies where, `measure` times kernels, and `run` runs plans.

mod device;
mod kernels;
mod measure;
mod memory;
mod pipelines;
mod run;

pub use device::{AdapterKind, AdapterLimits, WorkgroupLimits, adapters};
pub use measure::{ProductSpeed, Speed};
pub use memory::{Footprint, check_bindings, footprints, keeps_bits, with_thin_layers};
pub use pipelines::{Context, Staged, Tile};
pub use run::Gpu;
