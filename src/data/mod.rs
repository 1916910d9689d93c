//! Reading what a network is trained on, and in which order.
//!
//! [`npz`] reads and writes NumPy's archives, [`idx`] reads the files of MNIST and its like, and neither trusts anything it
//! has not checked. A [`Dataset`] is made of them, or made up: inputs and targets, split into training and test samples.
//! Inputs that are too large stay in their file, [`Mapped`]. [`shuffle`] says which sample comes when, and a [`BatchCursor`] walks over them in micro-batches.

mod arrays;
mod cursor;
mod dataset;
mod feature_scaling;
mod identity;
pub mod idx;
mod labels;
mod load;
mod mapped;
pub mod npz;
mod order;
mod shape;
mod split;
mod synthetic;

pub use cursor::{Batch, BatchCursor, Pass};
pub use dataset::Dataset;
pub use feature_scaling::FeatureScaling;
pub use load::LoadOptions;
pub use mapped::Mapped;
pub use order::shuffle;
pub use shape::{DatasetShape, SplitShape};
pub use split::{Inputs, Split, Targets, U8_SCALE};
