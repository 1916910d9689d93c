//! Trains deep multi-layer perceptrons inside a device-memory budget, on any GPU, with activation checkpointing.
//!
//! After the forward sweep only the states that a [`plan`] names as checkpoints are kept; the backward sweep
//! recomputes the others, interval by interval, into a small pool of reused buffers. The plan says before anything
//! is allocated how many bytes of each [`memory::Category`] there will be, a [`memory::Ledger`] counts them while
//! training runs, and the two agree exactly. Every strategy gives the same parameters, to the last bit.
//!
//! ```
//! use std::sync::Arc;
//! use ckpt_gpu::config::{DeviceChoice, Settings, Widths};
//! use ckpt_gpu::data::{Dataset, Inputs, Split};
//! use ckpt_gpu::strategy::Strategy;
//! use ckpt_gpu::train::Trainer;
//!
//! // Which of two numbers is the larger one?
//! let inputs: Vec<f32> = (0..400).map(|i| (i * 37 % 101) as f32 / 101.0).collect();
//! let labels: Vec<u32> = inputs.chunks(2).map(|pair| u32::from(pair[1] > pair[0])).collect();
//! let split = Split::new(2, Inputs::F32(inputs), labels)?;
//! let data = Arc::new(Dataset { source: "in memory".into(), train: split.clone(), test: split });
//!
//! let settings = Settings {
//!     layers: Widths(vec![2, 16, 16, 16, 2]),
//!     lr: 0.01,
//!     batch: 20,
//!     epochs: 60,
//!     strategy: Strategy::EveryN(2),
//!     device: DeviceChoice::Cpu,
//!     ..Settings::default()
//! };
//! let start = settings.initial_parameters()?;
//! let mut trainer = Trainer::new(&settings, &data, &start)?;
//! let mut accuracy = None;
//! while !trainer.is_done() {
//!     accuracy = trainer.epoch(|_step| ())?.test.accuracy;
//! }
//! assert!(accuracy > Some(0.9));
//!
//! let memory = trainer.memory();
//! assert_eq!(memory.planned, memory.counted);
//! # Ok::<(), ckpt_gpu::Error>(())
//! ```
//!
//! [`plan`] and [`strategy`] know no device and can be used by themselves, for any chain of bytes and costs.

#![warn(missing_docs)]

pub mod check;
pub mod cli;
pub mod config;
pub mod cpu;
pub mod data;
pub mod device;
pub mod error;
pub mod execute;
pub mod file;
pub mod gpu;
pub mod log;
pub mod memory;
pub mod model;
pub mod model_file;
pub mod plan;
pub mod report;
pub mod simulate;
pub mod snapshot;
pub mod strategy;
pub mod train;

pub use error::{Error, Result};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
