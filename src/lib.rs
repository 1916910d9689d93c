pub mod cli;
pub mod config;
pub mod cpu;
pub mod data;
pub mod device;
pub mod error;
pub mod execute;
pub mod gpu;
pub mod memory;
pub mod model;
pub mod plan;
pub mod report;
pub mod simulate;
pub mod strategy;
pub mod train;

pub use error::{Error, Result};
