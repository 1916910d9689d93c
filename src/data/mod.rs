//! Reading what a network is trained on, and in which order.
//!
//! [`npz`] reads and writes NumPy's archives and trusts nothing it has not checked. A [`Dataset`] is made of one:
//! inputs and labels, split into training and test samples. [`shuffle`] says which sample comes when, a
//! [`BatchCursor`] walks over them in micro-batches, and [`weights`] holds model files.

mod cursor;
mod dataset;
mod labels;
pub mod npz;
mod order;
mod shape;
mod split;
pub mod weights;

pub use cursor::{Batch, BatchCursor, Pass};
pub use dataset::Dataset;
pub use order::shuffle;
pub use shape::{DatasetShape, SplitShape};
pub use split::{Inputs, Split, U8_SCALE};
