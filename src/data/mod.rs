//! Datasets: reading, scaling and splitting them, and the order in which training visits samples.
//!
//! A [`Dataset`] has a training and a test split of inputs and targets, read from a file or generated.
//! [`npz`] reads and writes NumPy archives, [`idx`] reads files in MNIST's format, and `table` reads CSV files; none trusts
//! anything that it has not checked. [`Preprocessing`] is what was done to samples before a network reads them. Inputs
//! that are too large for memory stay in their file as [`Mapped`].
//! [`shuffle`] orders the samples of an epoch, and a [`BatchCursor`] walks over them in micro-batches.

mod arrays;
mod class_weights;
mod cursor;
mod dataset;
mod element;
mod feature_scaling;
mod hold_out;
mod identity;
pub mod idx;
mod imputation;
mod inputs;
mod load;
mod mapped;
pub mod npz;
mod order;
mod preprocessing;
mod shape;
mod split;
mod standardise;
mod synthetic;
mod table;
mod targets;

pub use class_weights::ClassWeights;
pub use cursor::{Batch, BatchCursor, Pass};
pub use dataset::{Dataset, EvaluatedOn};
pub use element::U8_SCALE;
pub(crate) use element::{bfloat, half};
pub use feature_scaling::FeatureScaling;
pub use hold_out::{Fold, HeldOut};
pub use imputation::{Fill, Imputation};
pub use inputs::{InputKind, Inputs};
pub use load::{InferenceData, LoadOptions, LoadedData};
pub use mapped::Mapped;
pub use order::shuffle;
pub use preprocessing::Preprocessing;
pub use shape::{DatasetShape, SplitShape};
pub use split::Split;
#[cfg(all(feature = "cli", any(test, fuzzing)))]
pub(crate) use synthetic::parse_recipe;
pub use table::Column;
pub use targets::{TargetKind, Targets};
