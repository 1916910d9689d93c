use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;

use crate::Result;
use crate::config::{DEFAULT_DATA, DeviceChoice, Preset, Settings, Widths};
use crate::data::weights;
use crate::device::Residence;
use crate::memory::{check_host_memory, parse_bytes};
use crate::model::{Activation, Loss, Network, Optimizer, Parameters};
use crate::strategy::Strategy;

/// What is trained, and where: what every command that computes has in common.
#[derive(Debug, Args)]
pub(super) struct NetworkFlags {
    /// One of the notebook's networks, with its epochs; other flags overrule it
    #[arg(long, value_name = "NAME", value_enum)]
    pub preset: Option<Preset>,

    /// The width of every state; 30x50 is fifty layers of 30 [default: 784,30x4,10]
    #[arg(long, value_name = "WIDTHS")]
    layers: Option<Widths>,

    /// Of every layer: sigmoid, tanh, relu or identity
    #[arg(long, value_name = "NAME", default_value = Settings::default().activation.name())]
    activation: Activation,

    /// What is made small: quadratic or cross-entropy
    #[arg(long, value_name = "NAME", default_value = Settings::default().loss.name())]
    loss: Loss,

    /// Samples in a mini-batch
    #[arg(long, value_name = "N", default_value_t = Settings::default().batch, value_parser = count::<usize>, allow_negative_numbers = true)]
    batch: usize,

    /// For the initial parameters and the order of the samples
    #[arg(long, value_name = "N", default_value_t = Settings::default().seed, value_parser = count::<u64>, allow_negative_numbers = true)]
    seed: u64,

    /// On a GPU, run thin layers one by one, not together in the memory of its workgroups
    #[arg(long)]
    no_fuse: bool,

    /// On a GPU, cut matrix products by their shape alone, without timing how this device does it best
    #[arg(long)]
    no_tune: bool,

    /// Where to compute
    #[arg(long, value_name = "KIND", default_value_t = Settings::default().device, value_enum)]
    device: DeviceChoice,
}

impl NetworkFlags {
    /// The settings that these flags name, and the preset's or the default for the others.
    pub fn settings(&self) -> Settings {
        let settings = self.preset.map_or_else(Settings::default, Preset::settings);
        Settings {
            layers: self.layers.clone().unwrap_or(settings.layers),
            activation: self.activation,
            loss: self.loss,
            batch: self.batch,
            seed: self.seed,
            device: self.device,
            fused: !self.no_fuse,
            tuned: !self.no_tune,
            ..settings
        }
    }
}

/// How it is trained, and on what: what commands that train, or plan to, have in common beside the strategy.
#[derive(Debug, Args)]
pub(super) struct RunFlags {
    /// An npz with x_train, y_train, x_test and y_test
    #[arg(long, value_name = "PATH", default_value = DEFAULT_DATA)]
    pub data: PathBuf,

    #[command(flatten)]
    pub network: NetworkFlags,

    /// How parameters move: sgd
    #[arg(long, value_name = "NAME", default_value = Settings::default().optimizer.name())]
    optimizer: Optimizer,

    /// Learning rate
    #[arg(long, value_name = "RATE", default_value_t = Settings::default().lr, allow_negative_numbers = true)]
    lr: f32,

    /// Samples whose activations are on the device at once; gradients add up over the batch's parts
    #[arg(long, value_name = "M", value_parser = count::<usize>, allow_negative_numbers = true)]
    micro_batch: Option<usize>,

    /// Passes over the training data; an incomplete last mini-batch is dropped [default: 5]
    #[arg(long, value_name = "N", value_parser = count::<usize>, allow_negative_numbers = true)]
    epochs: Option<usize>,

    /// Steps in all, instead of whole epochs
    #[arg(long, value_name = "N", conflicts_with = "epochs", value_parser = count::<u64>, allow_negative_numbers = true)]
    steps: Option<u64>,

    /// Take the samples in file order
    #[arg(long)]
    no_shuffle: bool,

    /// Where the data is kept
    #[arg(long, value_name = "WHERE", default_value_t = Settings::default().dataset, value_enum)]
    dataset: Residence,
}

impl RunFlags {
    /// As [`NetworkFlags::settings`], with the strategy left at its default.
    pub fn settings(&self) -> Settings {
        let settings = self.network.settings();
        Settings {
            optimizer: self.optimizer,
            lr: self.lr,
            micro_batch: self.micro_batch,
            epochs: self.epochs.unwrap_or(settings.epochs),
            steps: self.steps,
            shuffle: !self.no_shuffle,
            dataset: self.dataset,
            ..settings
        }
    }
}

/// What is kept of the forward sweep.
#[derive(Debug, Args)]
pub(super) struct StrategyFlags {
    /// Keep every N-th activation and recompute the others; 0 keeps all, auto takes the N that needs the least memory
    #[arg(long, value_name = "N", default_value = "0", value_parser = every, allow_negative_numbers = true)]
    every: Strategy,

    /// Recompute as little as this much device memory allows, of everything together: 64MiB
    #[arg(long, value_name = "BYTES", conflicts_with = "every", value_parser = parse_bytes, allow_negative_numbers = true)]
    budget: Option<u64>,
}

impl StrategyFlags {
    pub fn strategy(&self) -> Strategy {
        self.budget.map_or(self.every, Strategy::Budget)
    }
}

/// Where training starts from.
#[derive(Debug, Args)]
pub(super) struct StartFlags {
    /// Start from the parameters in this npz
    #[arg(long, value_name = "FILE")]
    pub init: Option<PathBuf>,
}

impl StartFlags {
    /// The parameters in the file, or random ones.
    ///
    /// # Errors
    /// [`crate::Error::DoesNotFit`] where the host has no room for them, [`crate::Error::File`] for a file that
    /// cannot be trusted.
    pub fn parameters(&self, network: &Network, seed: u64) -> Result<Parameters> {
        // These, and what the device takes or gives back.
        check_host_memory("two copies of the parameters", 8 * network.parameter_count())?;
        match &self.init {
            Some(path) => weights::read(path, network),
            None => Ok(Parameters::normal(network, seed)),
        }
    }
}

pub(super) fn count<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| "expected a whole number that is not negative".to_owned())
}

pub(super) fn every(text: &str) -> Result<Strategy, String> {
    match text {
        "auto" => Ok(Strategy::EveryAuto),
        _ => text
            .parse()
            .map(Strategy::EveryN)
            .map_err(|_| "expected a whole number that is not negative, or auto".to_owned()),
    }
}
