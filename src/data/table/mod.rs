//! Tables: CSV and TSV files whose first line names the columns, and, with the feature `parquet`, Parquet files.
//!
//! A file is read twice, so that only numbers are held: once to see what each column holds, or to count its rows, and once to
//! encode its cells.

mod column;
mod encode;
mod file;
#[cfg(feature = "parquet")]
mod parquet;
mod place;
mod survey;

pub use column::Column;
pub(super) use column::TargetColumns;
pub(super) use encode::{Encoded, encode, named};
pub(super) use file::TableFile;
pub(super) use survey::{Survey, survey};
