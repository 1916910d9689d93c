//! Kernels as values, their sources, and the pipelines that are compiled from them.

mod context;
mod dispatch;
mod immediates;
mod kernel;
mod product;
mod programs;
mod shaders;
mod shared;
mod staged;
mod tile;

pub use context::Context;
pub use dispatch::Dispatch;
pub use immediates::{Arguments, MicroBatch};
pub use kernel::{Binding, Kernel, Rows};
pub use product::{LayerProduct, Product};
#[cfg(test)]
pub use shaders::Shaders;
pub use shared::{ADDS_INPUT, DROPS, LOADS, NORM_SAMPLES, NORMALISES, NOWHERE, PART_SAMPLES, STORES};
pub use staged::Staged;
pub use tile::{Choices, Tile};
