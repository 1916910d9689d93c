//! Reading datasets: valid and hostile files, mapped inputs, synthetic data.

#[path = "../support/program.rs"]
mod program;

mod archive;
mod dataset;
mod mapped;
mod npz;
#[cfg(feature = "parquet")]
mod parquet;
mod synthetic;
mod tables;
