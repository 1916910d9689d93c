//! Trains deep multi-layer perceptrons inside a device-memory budget, on any GPU, with activation checkpointing.
//!
//! After the forward pass, only the states that a [`plan`] names as checkpoints are kept; the backward pass recomputes
//! the others, interval by interval, into a small pool of reused buffers. The plan predicts the bytes of each
//! [`memory::Category`] before anything is allocated, a [`memory::Ledger`] counts them during training, and the two are
//! equal. Parameters are bit-identical under every strategy.
//!
//! # Example
//!
//! [`config::Settings`] describe a run; [`train::Machine`] finds a device and plans for it without allocating anything;
//! [`train::Trainer`] trains; [`model_file`] saves models; [`train::Predictor`] evaluates them.
//!
//! ```
//! use std::sync::Arc;
//! use ckpt_gpu::config::{DeviceChoice, Settings, Widths};
//! use ckpt_gpu::data::{Dataset, HeldOut, Inputs, Preprocessing, Split};
//! use ckpt_gpu::strategy::Strategy;
//! use ckpt_gpu::train::{Machine, Predictor, Scores, Trainer};
//! use ckpt_gpu::model_file::{self, Model};
//!
//! // Which of two numbers is larger? A quarter of the samples is held out.
//! let inputs: Vec<f32> = (0..800).map(|i| (i * 37 % 101) as f32 / 101.0).collect();
//! let labels: Vec<u32> = inputs.chunks(2).map(|pair| u32::from(pair[1] > pair[0])).collect();
//! let HeldOut { train, test } = Split::new(2, Inputs::F32(inputs), labels)?.hold_out(0.25, 0)?;
//! let data = Arc::new(Dataset::in_memory(train, test)?);
//!
//! // A residual network of ten layers, with a budget 32 KiB below what keeping all states takes.
//! let mut settings = Settings::default();
//! settings.network.layers = Widths([vec![2], vec![16; 9], vec![2]].concat());
//! settings.optimization.lr = 0.01;
//! settings.optimization.epochs = 30;
//! settings.placement.device = DeviceChoice::Cpu;
//! let machine = Machine::find(settings.placement.device)?.machine;
//! let most = machine.plan(&settings, data.shape())?.bytes().total() - 32 * 1024;
//! settings.placement.strategy = Strategy::Budget(most);
//! let planned = machine.plan(&settings, data.shape())?;
//! assert!(planned.bytes().total() <= most);
//! println!("{} layers recomputed per step", planned.plan.prediction.recomputed_layers);
//!
//! let start = settings.initial_parameters()?;
//! let mut trainer = Trainer::on(&machine, &settings, &data, start)?;
//! trainer.train_to_end(30, |steps, loss| println!("{steps} steps: loss {loss:.4}"))?;
//! assert_eq!(planned.bytes(), trainer.memory().counted);
//!
//! let directory = tempfile::tempdir().expect("a temporary directory");
//! let path = directory.path().join("model.safetensors");
//! let parameters = trainer.parameters()?;
//! let preprocessing = Preprocessing::default();
//! model_file::write(&path, &Model { network: settings.network.build()?, parameters, preprocessing })?;
//! let Model { network, mut parameters, .. } = model_file::read(&path)?;
//! let outputs = Predictor::on(&machine, &network, &mut parameters, &data, 50)?.outputs()?;
//! let scores = Scores::of(&network, &outputs, data.test.targets());
//! assert!(scores.accuracy() > Some(0.9));
//! # Ok::<(), ckpt_gpu::Error>(())
//! ```
//!
//! The repository's `examples/` fit an image, a table, and MNIST with a thousand layers.
//!
//! [`plan`] and [`strategy`] depend on no device and can plan any chain of bytes and costs.

#![warn(missing_docs)]

pub mod check;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
pub mod config;
#[doc(hidden)]
pub mod cpu;
pub mod data;
pub mod device;
mod error;
#[doc(hidden)]
pub mod execute;
mod file;
#[cfg(all(feature = "cli", any(test, fuzzing)))]
#[doc(hidden)]
pub mod fuzz;
#[doc(hidden)]
pub mod gpu;
#[cfg(feature = "cli")]
mod log;
pub mod memory;
pub mod model;
pub mod model_file;
pub mod plan;
pub mod report;
mod setting;
#[doc(hidden)]
pub mod simulate;
pub mod snapshot;
pub mod strategy;
pub mod train;
mod words;

pub use error::{Error, Result};
pub use setting::Setting;

#[cfg(doctest)]
#[doc = include_str!("../docs/library.md")]
struct LibraryGuide;
