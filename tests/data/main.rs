//! Reading datasets: valid and hostile files, mapped inputs, synthetic data.

#[path = "../support/program.rs"]
mod program;

mod archive;
mod dataset;
mod mapped;
mod npz;
mod synthetic;
mod tables;
