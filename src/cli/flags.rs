use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;

use super::choices::choices;
use super::data::DataFlags;
use crate::Result;
use crate::config::{
    Batching, DeviceChoice, NetworkSettings, Optimization, Placement, Preset, Settings, Widths,
};
use crate::data::{Dataset, FeatureScaling};
use crate::device::DatasetPlacement;
use crate::memory::{check_host_memory, parse_bytes};
use crate::model::{
    Activation, Decay, Initialiser, Loss, Network, Optimizer, Parameters, Schedule, UpdateRule,
};
use crate::model_file;
use crate::strategy::Strategy;

/// What is trained, and where: what every command that computes has in common.
#[derive(Debug, Args)]
#[command(next_help_heading = "Network")]
pub(super) struct NetworkFlags {
    /// One of the notebook's networks, with its epochs; other flags overrule it
    #[arg(long, value_name = "NAME", value_parser = choices(Preset::ALL, Preset::name, Preset::summary))]
    pub preset: Option<Preset>,

    /// The width of every state; 30x50 is fifty layers of 30 [default: 784,64x50,10]
    #[arg(long, value_name = "WIDTHS")]
    layers: Option<Widths>,

    /// Between the layers: sigmoid, tanh, relu, leaky-relu, gelu, silu, sine or identity [default: relu]
    #[arg(long, value_name = "NAME")]
    activation: Option<Activation>,

    /// Hidden layers add what they read to what they make, where the two are equally wide [default: true]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    residual: Option<bool>,

    /// Layers but the first normalise what they read, sample by sample, before the activation
    #[arg(long)]
    layer_norm: bool,

    /// What is made small: quadratic, mse, cross-entropy, binary-cross-entropy or huber [default: cross-entropy]
    #[arg(long, value_name = "NAME")]
    loss: Option<Loss>,

    /// Samples in a mini-batch [default: 100]
    #[arg(long, help_heading = "Training", value_name = "N", value_parser = count::<usize>, allow_negative_numbers = true)]
    batch: Option<usize>,

    /// For the initial parameters and the order of the samples
    #[arg(long, help_heading = "Training", value_name = "N", default_value_t = Settings::default().optimization.seed, value_parser = count::<u64>, allow_negative_numbers = true)]
    seed: u64,

    /// On a GPU, run thin layers one by one, not together in the memory of its workgroups
    #[arg(long, help_heading = "Device")]
    no_fuse: bool,

    /// On a GPU, cut matrix products by their shape alone, without timing how this device does it best
    #[arg(long, help_heading = "Device")]
    no_tune: bool,

    /// Where to compute
    #[arg(long, help_heading = "Device", value_name = "KIND", default_value = DeviceChoice::Auto.name(), value_parser = choices(DeviceChoice::ALL, DeviceChoice::name, DeviceChoice::summary))]
    device: DeviceChoice,
}

impl NetworkFlags {
    /// The settings that these flags name, and the preset's or the default for the others.
    pub fn settings(&self) -> Settings {
        let Settings { network, optimization, batching, placement, diagnostics } =
            self.preset.map_or_else(Settings::default, Preset::settings);
        Settings {
            network: NetworkSettings {
                layers: self.layers.clone().unwrap_or(network.layers),
                activation: self.activation.unwrap_or(network.activation),
                residual: self.residual.unwrap_or(network.residual),
                layer_norm: self.layer_norm,
                loss: self.loss.unwrap_or(network.loss),
                ..network
            },
            optimization: Optimization { seed: self.seed, ..optimization },
            batching: Batching { batch: self.batch.unwrap_or(batching.batch), ..batching },
            placement: Placement {
                device: self.device,
                fused: !self.no_fuse,
                tuned: !self.no_tune,
                ..placement
            },
            diagnostics,
        }
    }
}

/// How it is trained, and on what: what commands that train, or plan to, have in common beside the strategy.
#[derive(Debug, Args)]
pub(super) struct RunFlags {
    #[command(flatten)]
    pub data: DataFlags,

    /// Shift and scale each feature to mean 0 and deviation 1 over the training samples; saved networks know how
    #[arg(long)]
    standardise: bool,

    #[command(flatten)]
    pub network: NetworkFlags,

    #[command(flatten)]
    rule: RuleFlags,

    /// How the first parameters are drawn: normal, xavier, he, orthogonal or siren [default: as the activation wants]
    #[arg(long, help_heading = "Network", value_name = "NAME")]
    initialiser: Option<Initialiser>,

    /// Samples whose activations are on the device at once; gradients add up over the batch's parts
    #[arg(long, help_heading = "Training", value_name = "M", value_parser = count::<usize>, allow_negative_numbers = true)]
    micro_batch: Option<usize>,

    /// Passes over the training data; an incomplete last mini-batch is dropped [default: 5]
    #[arg(long, help_heading = "Training", value_name = "N", value_parser = count::<usize>, allow_negative_numbers = true)]
    epochs: Option<usize>,

    /// Steps in all, instead of whole epochs
    #[arg(long, help_heading = "Training", value_name = "N", conflicts_with = "epochs", value_parser = count::<u64>, allow_negative_numbers = true)]
    steps: Option<u64>,

    /// Take the samples in file order
    #[arg(long, help_heading = "Training")]
    no_shuffle: bool,

    /// Where the data is kept
    #[arg(long, help_heading = "Device", value_name = "WHERE", default_value = DatasetPlacement::Auto.name(), value_parser = choices(DatasetPlacement::ALL, DatasetPlacement::name, DatasetPlacement::summary))]
    dataset: DatasetPlacement,
}

impl RunFlags {
    /// The data, and what it was made standard with.
    ///
    /// # Errors
    /// As [`DataFlags::load`], and as [`Dataset::standardised`].
    pub fn load(&self, settings: &Settings) -> Result<(Dataset, Option<FeatureScaling>)> {
        let data = self.data.load(settings.optimization.seed)?;
        if !self.standardise {
            return Ok((data, None));
        }
        let scaling = FeatureScaling::of(&data.train);
        Ok((data.standardised(&scaling)?, Some(scaling)))
    }

    /// As [`NetworkFlags::settings`], with the strategy left at its default.
    pub fn settings(&self) -> Settings {
        let Settings { network, optimization, batching, placement, diagnostics } = self.network.settings();
        Settings {
            network: NetworkSettings { initialiser: self.initialiser.or(network.initialiser), ..network },
            optimization: Optimization {
                epochs: self.epochs.unwrap_or(optimization.epochs),
                steps: self.steps,
                shuffle: !self.no_shuffle,
                ..self.rule.optimization(optimization)
            },
            batching: Batching { micro_batch: self.micro_batch, ..batching },
            placement: Placement { dataset: self.dataset, ..placement },
            diagnostics,
        }
    }
}

/// How parameters move.
#[derive(Debug, Args)]
#[command(next_help_heading = "Optimizer")]
struct RuleFlags {
    /// How parameters move: sgd, momentum, nesterov, adam or adamw [default: adam]
    #[arg(long, value_name = "NAME")]
    optimizer: Option<Optimizer>,

    /// Learning rate [default: 0.001 for adam and adamw, 0.01 with momentum, 0.1 for sgd]
    #[arg(long, value_name = "RATE", allow_negative_numbers = true)]
    lr: Option<f32>,

    /// Of momentum and nesterov
    #[arg(long, value_name = "SHARE", default_value_t = 0.9, allow_negative_numbers = true)]
    momentum: f32,

    /// Of adam's mean of gradients
    #[arg(long, value_name = "SHARE", default_value_t = 0.9, allow_negative_numbers = true)]
    beta1: f32,

    /// Decay rate of the mean of squared gradients [default: 0.999]
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true)]
    beta2: Option<f32>,

    /// What adam adds to the root that it divides by
    #[arg(long, value_name = "NUMBER", default_value_t = 1e-8, allow_negative_numbers = true)]
    epsilon: f32,

    /// What is added to a gradient for each unit of its parameter; in adamw, taken off the parameter [default: 0.01
    /// for adamw, else 0]
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true)]
    weight_decay: Option<f32>,

    /// Scale the gradients of all layers down to this norm where they are longer together
    #[arg(long, value_name = "NORM", allow_negative_numbers = true)]
    clip_norm: Option<f32>,

    /// How the learning rate changes: constant, step or cosine [default: cosine]
    #[arg(long, value_name = "NAME")]
    schedule: Option<Decay>,

    /// Steps over which the learning rate first grows
    #[arg(long, value_name = "STEPS", default_value_t = Schedule::default().warm_up, value_parser = count::<u64>, allow_negative_numbers = true)]
    warm_up: u64,

    /// Steps after which --schedule step multiplies the learning rate, again and again
    #[arg(long, value_name = "STEPS", default_value_t = Schedule::default().decay_every, value_parser = count::<u64>, allow_negative_numbers = true)]
    decay_every: u64,

    /// By how much it does
    #[arg(long, value_name = "FACTOR", default_value_t = Schedule::default().decay_factor, allow_negative_numbers = true)]
    decay_factor: f32,

    /// The share of the learning rate that --schedule cosine ends with
    #[arg(long, value_name = "SHARE", default_value_t = Schedule::default().floor, allow_negative_numbers = true)]
    lr_floor: f32,
}

impl RuleFlags {
    /// `base` as these flags change it. Another optimizer than its own comes with its usual learning rate.
    fn optimization(&self, base: Optimization) -> Optimization {
        let optimizer = self.optimizer.unwrap_or(base.rule.optimizer);
        let usual_rate = if optimizer == base.rule.optimizer { base.lr } else { optimizer.default_lr() };
        let default = UpdateRule::of(optimizer);
        Optimization {
            lr: self.lr.unwrap_or(usual_rate),
            rule: UpdateRule {
                optimizer,
                momentum: self.momentum,
                betas: [self.beta1, self.beta2.unwrap_or(default.betas[1])],
                epsilon: self.epsilon,
                weight_decay: self.weight_decay.unwrap_or(default.weight_decay),
                clip_norm: self.clip_norm,
            },
            schedule: Schedule {
                decay: self.schedule.unwrap_or(base.schedule.decay),
                warm_up: self.warm_up,
                decay_every: self.decay_every,
                decay_factor: self.decay_factor,
                floor: self.lr_floor,
            },
            ..base
        }
    }
}

/// What is kept of the forward sweep.
#[derive(Debug, Args)]
#[command(next_help_heading = "Memory")]
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
    /// Start from the parameters in this .safetensors or .npz file
    #[arg(long, help_heading = "Training", value_name = "FILE")]
    pub init: Option<PathBuf>,
}

impl StartFlags {
    /// The parameters in the file, or random ones.
    ///
    /// # Errors
    /// [`crate::Error::DoesNotFit`] where the host has no room for them, [`crate::Error::File`] for a file that
    /// cannot be trusted.
    pub fn parameters(&self, network: &Network, settings: &Settings) -> Result<Parameters> {
        // These, and what the device takes or gives back.
        check_host_memory("two copies of the parameters", 8 * network.parameter_count())?;
        match &self.init {
            Some(path) => model_file::read_parameters(path, network),
            None => settings.initial_parameters(),
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
