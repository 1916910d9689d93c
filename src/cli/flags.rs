use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;

use crate::config::{DEFAULT_DATA, DeviceChoice, Settings, Widths};
use crate::device::Residence;
use crate::memory::parse_bytes;
use crate::model::{Activation, Loss, Optimizer};
use crate::strategy::Strategy;

/// What commands that train, or plan to, have in common.
#[derive(Debug, Args)]
pub(super) struct RunFlags {
    /// An npz with x_train, y_train, x_test and y_test
    #[arg(long, value_name = "PATH", default_value = DEFAULT_DATA)]
    pub data: PathBuf,

    /// The width of every state; 30x50 is fifty layers of 30
    #[arg(long, value_name = "WIDTHS", default_value_t = Settings::default().layers)]
    pub layers: Widths,

    /// Of every layer: sigmoid, tanh, relu or identity
    #[arg(long, value_name = "NAME", default_value = Settings::default().activation.name())]
    activation: Activation,

    /// What is made small: quadratic or cross-entropy
    #[arg(long, value_name = "NAME", default_value = Settings::default().loss.name())]
    loss: Loss,

    /// How parameters move: sgd
    #[arg(long, value_name = "NAME", default_value = Settings::default().optimizer.name())]
    optimizer: Optimizer,

    /// Learning rate
    #[arg(long, value_name = "RATE", default_value_t = Settings::default().lr, allow_negative_numbers = true)]
    lr: f32,

    /// Samples in a mini-batch
    #[arg(long, value_name = "N", default_value_t = Settings::default().batch, value_parser = count::<usize>, allow_negative_numbers = true)]
    batch: usize,

    /// Samples whose activations are on the device at once; gradients add up over the batch's parts
    #[arg(long, value_name = "M", value_parser = count::<usize>, allow_negative_numbers = true)]
    micro_batch: Option<usize>,

    /// Passes over the training data; an incomplete last mini-batch is dropped
    #[arg(long, value_name = "N", default_value_t = Settings::default().epochs, value_parser = count::<usize>, allow_negative_numbers = true)]
    epochs: usize,

    /// Steps in all, instead of whole epochs
    #[arg(long, value_name = "N", conflicts_with = "epochs", value_parser = count::<u64>, allow_negative_numbers = true)]
    steps: Option<u64>,

    /// For the initial parameters and the order of the samples
    #[arg(long, value_name = "N", default_value_t = Settings::default().seed, value_parser = count::<u64>, allow_negative_numbers = true)]
    seed: u64,

    /// Take the samples in file order
    #[arg(long)]
    no_shuffle: bool,

    /// Keep every N-th activation and recompute the others; 0 keeps all, auto takes the N that needs the least memory
    #[arg(long, value_name = "N", default_value = "0", value_parser = every, allow_negative_numbers = true)]
    every: Strategy,

    /// Recompute as little as this much device memory allows, of everything together: 64MiB
    #[arg(long, value_name = "BYTES", conflicts_with = "every", value_parser = parse_bytes, allow_negative_numbers = true)]
    budget: Option<u64>,

    /// Where to train
    #[arg(long, value_name = "KIND", default_value_t = Settings::default().device, value_enum)]
    device: DeviceChoice,

    /// Where the data is kept
    #[arg(long, value_name = "WHERE", default_value_t = Settings::default().dataset, value_enum)]
    dataset: Residence,
}

impl RunFlags {
    pub fn settings(&self) -> Settings {
        Settings {
            layers: self.layers.clone(),
            activation: self.activation,
            loss: self.loss,
            optimizer: self.optimizer,
            lr: self.lr,
            batch: self.batch,
            micro_batch: self.micro_batch,
            epochs: self.epochs,
            steps: self.steps,
            seed: self.seed,
            shuffle: !self.no_shuffle,
            strategy: self.budget.map_or(self.every, Strategy::Budget),
            device: self.device,
            dataset: self.dataset,
        }
    }
}

fn count<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| "expected a whole number that is not negative".to_owned())
}

fn every(text: &str) -> Result<Strategy, String> {
    match text {
        "auto" => Ok(Strategy::EveryAuto),
        _ => text
            .parse()
            .map(Strategy::EveryN)
            .map_err(|_| "expected a whole number that is not negative, or auto".to_owned()),
    }
}
