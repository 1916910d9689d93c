use clap::Args;

use super::architecture::ArchitectureFlags;
use super::choices::{choices, count};
use super::data::{DataFlags, PreprocessingFlags};
use super::optimizer::{OptimizerFlags, RateFlags};
use super::output;
use super::sizes::{Size, Sizes};
use crate::config::{
    Batching, DeviceChoice, NetworkSettings, Optimization, Placement, Preset, Settings, Widths,
};
use crate::data::{Dataset, Fold, LoadedData, Preprocessing};
use crate::device::DatasetPlacement;
use crate::memory::parse_bytes;
use crate::model::{Initialiser, UpdateRule};
use crate::strategy::Strategy;
use crate::words::counted;
use crate::{Error, Result, Setting};

/// The network and the device, for every command that trains.
#[derive(Debug, Args)]
#[command(next_help_heading = "Network")]
pub(super) struct NetworkFlags {
    /// Preset from the original NumPy notebook; other flags override it
    #[arg(long, value_name = "NAME", value_parser = choices(Preset::ALL, Preset::name, Preset::summary))]
    pub preset: Option<Preset>,

    #[command(flatten)]
    architecture: ArchitectureFlags,

    /// Widths of the hidden states, such as 64x4; those of the first and last state follow from the data [default: 64x50, or 100 for fewer than 5000 training samples]
    #[arg(long, value_name = "WIDTHS", conflicts_with = "layers")]
    hidden: Option<Widths>,

    /// Probability that an input of a layer is dropped in training; the first layer's are kept
    #[arg(long, value_name = "RATE", default_value_t = Settings::default().network.dropout, allow_negative_numbers = true)]
    dropout: f32,

    /// Samples in a mini-batch; auto takes the most that --budget allows, without recomputation if it can [default: 100, or all training samples if they are fewer]
    #[arg(long, help_heading = "Training", value_name = "N", allow_negative_numbers = true)]
    batch: Option<Size>,

    /// Seed of the initial parameters and of the order of samples
    #[arg(long, help_heading = "Training", value_name = "N", default_value_t = Settings::default().optimization.seed, value_parser = count::<u64>, allow_negative_numbers = true)]
    seed: u64,

    /// Run each thin layer on a GPU as its own kernel instead of fusing several
    #[arg(long, help_heading = "Device")]
    no_fuse: bool,

    /// Choose tilings of matrix products on a GPU by shape, without timing them
    #[arg(long, help_heading = "Device")]
    no_tune: bool,

    /// Device to compute on
    #[arg(long, help_heading = "Device", value_name = "KIND", default_value = DeviceChoice::Auto.name(), value_parser = choices(DeviceChoice::ALL, DeviceChoice::name, DeviceChoice::summary))]
    device: DeviceChoice,
}

impl NetworkFlags {
    /// `true` if nothing gives the widths of the hidden states.
    fn leaves_hidden_open(&self) -> bool {
        self.architecture.layers.is_none() && self.preset.is_none() && self.hidden.is_none()
    }

    /// `true` if they give the widths of the first and last state.
    fn gives_ends(&self) -> bool {
        self.architecture.layers.is_some() || (self.preset.is_some() && self.hidden.is_none())
    }

    /// Samples in a mini-batch: `usual` unless the flag gives another number, and one until the planner has chosen.
    fn batch(&self, usual: usize) -> usize {
        self.batch.map_or(usual, |batch| batch.samples().unwrap_or(1))
    }

    /// Checks that no size is left to the planner, for commands without a budget.
    ///
    /// # Errors
    /// [`Error::Usage`](crate::Error::Usage) if the batch is.
    pub fn check_without_budget(&self) -> Result<()> {
        match self.batch {
            Some(Size::Auto) => Err(Error::usage(
                Setting::Batch,
                "found auto, expected a number, as there is no budget to choose it for",
            )),
            _ => Ok(()),
        }
    }

    /// The settings that these flags give, completed by those of the preset or the defaults.
    ///
    /// # Errors
    /// As [`ArchitectureFlags::settings`].
    pub fn settings(&self) -> Result<Settings> {
        let Settings { network, optimization, batching, placement, diagnostics } =
            self.preset.map_or_else(Settings::default, Preset::settings);
        let mut network = NetworkSettings { dropout: self.dropout, ..self.architecture.settings(network)? };
        if let (Some(hidden), [first, .., last]) = (&self.hidden, &network.layers.0[..]) {
            network.layers = Widths([&[*first][..], &hidden.0, &[*last]].concat());
        }
        Ok(Settings {
            network,
            optimization: Optimization { seed: self.seed, ..optimization },
            batching: Batching { batch: self.batch(batching.batch), ..batching },
            placement: Placement {
                device: self.device,
                fused: !self.no_fuse,
                tuned: !self.no_tune,
                ..placement
            },
            diagnostics,
        })
    }
}

/// Settings and the dataset that completes them.
pub(super) struct Prepared {
    pub settings: Settings,
    pub data: Dataset,
    /// Samples to test on after training, if there are some beside those that the run is evaluated on.
    pub test: Option<Dataset>,
    pub preprocessing: Preprocessing,
    /// Share of the samples that is held out although no flag gives one.
    pub usual_share: Option<f64>,
}

/// Everything but the strategy, for commands that train or plan to.
#[derive(Debug, Args)]
pub(super) struct RunFlags {
    #[command(flatten)]
    pub task: TaskFlags,

    #[command(flatten)]
    rate: RateFlags,

    /// Decay rate of an exponential moving average of the parameters, which is evaluated and saved in their place, such as 0.999
    #[arg(long, help_heading = "Optimizer", value_name = "RATE", allow_negative_numbers = true)]
    ema: Option<f32>,

    /// Passes over the training split [default: 5]
    #[arg(long, help_heading = "Training", value_name = "N", value_parser = count::<usize>, allow_negative_numbers = true)]
    epochs: Option<usize>,

    /// Number of steps, instead of --epochs
    #[arg(long, help_heading = "Training", value_name = "N", conflicts_with = "epochs", value_parser = count::<u64>, allow_negative_numbers = true)]
    steps: Option<u64>,
}

impl RunFlags {
    /// The settings that these flags give, with the default strategy.
    ///
    /// # Errors
    /// As [`TaskFlags::settings`].
    pub fn settings(&self) -> Result<Settings> {
        let settings = self.task.settings()?;
        let rule = UpdateRule { ema: self.ema, ..settings.optimization.rule };
        let optimization = Optimization {
            rule,
            epochs: self.epochs.unwrap_or(settings.optimization.epochs),
            steps: self.steps,
            ..self.rate.optimization(settings.optimization)
        };
        Ok(Settings { optimization, ..settings })
    }
}

/// Everything but the strategy, the learning rate and the number of steps.
#[derive(Debug, Args)]
pub(super) struct TaskFlags {
    #[command(flatten)]
    pub data: DataFlags,

    #[command(flatten)]
    preprocessing: PreprocessingFlags,

    #[command(flatten)]
    pub network: NetworkFlags,

    #[command(flatten)]
    optimizer: OptimizerFlags,

    /// Distribution of the initial parameters [default: by activation function]
    #[arg(long, help_heading = "Network", value_name = "NAME", value_parser = choices(Initialiser::ALL, Initialiser::name, Initialiser::summary))]
    initialiser: Option<Initialiser>,

    /// Samples in a micro-batch, a divisor of --batch; gradients are accumulated over micro-batches; auto takes those that are expected to be fastest within --budget [default: --batch, or what a budget chooses on a GPU]
    #[arg(long, help_heading = "Training", value_name = "M", allow_negative_numbers = true)]
    micro_batch: Option<Size>,

    /// Leave out the last mini-batch of an epoch if the samples do not fill it [default: false]
    #[arg(long, help_heading = "Training", value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    drop_last: Option<bool>,

    /// Share of each target that is spread evenly over all classes, for --loss cross-entropy
    #[arg(long, help_heading = "Training", value_name = "SHARE", default_value_t = Settings::default().optimization.label_smoothing, allow_negative_numbers = true)]
    label_smoothing: f32,

    /// Visit samples in file order
    #[arg(long, help_heading = "Training")]
    no_shuffle: bool,

    /// Placement of the dataset
    #[arg(long, help_heading = "Device", value_name = "WHERE", default_value = DatasetPlacement::Auto.name(), value_parser = choices(DatasetPlacement::ALL, DatasetPlacement::name, DatasetPlacement::summary))]
    dataset: DatasetPlacement,
}

impl TaskFlags {
    /// The dataset, and `settings` completed by it: the widths of the first and last state, and the size of a batch, unless
    /// flags give them.
    ///
    /// # Errors
    /// As [`DataFlags::load`], and [`Error::Usage`](crate::Error::Usage) for settings that do not fit the data.
    pub fn load(&self, settings: Settings) -> Result<Prepared> {
        self.load_fold(settings, None, &mut output::narrate)
    }

    /// `--batch` and `--micro-batch`.
    pub fn sizes(&self) -> Sizes {
        Sizes { batch: self.network.batch, micro_batch: self.micro_batch }
    }

    /// What the dataset depends on, beside the file that it is in, as text.
    pub fn data_key(&self, settings: &Settings, fold: Option<Fold>) -> String {
        let Settings { network, optimization, .. } = settings;
        let outputs = network.layers.0.last().filter(|_| self.network.gives_ends());
        format!("{:?}", (&self.data, &self.preprocessing, outputs, network.loss, optimization.seed, fold))
    }

    /// As [`TaskFlags::load`], with a fold held out; `tell` takes lines about the dataset.
    ///
    /// # Errors
    /// As [`TaskFlags::load`].
    pub fn load_fold(
        &self,
        mut settings: Settings,
        fold: Option<Fold>,
        tell: &mut dyn FnMut(&str),
    ) -> Result<Prepared> {
        let is_open = !self.network.gives_ends();
        let widths = &mut settings.network.layers.0;
        let outputs = widths.last().copied().filter(|_| !is_open);
        let (seed, loss) = (settings.optimization.seed, settings.network.loss);
        let LoadedData { data, test, preprocessing, usual_share, .. } =
            self.data.load(seed, loss, outputs, &self.preprocessing, fold, tell)?;
        let samples = data.train.len();
        if self.network.leaves_hidden_open()
            && samples < NetworkSettings::DEEP_SAMPLES
            && let [first, .., last] = widths[..]
        {
            let hidden = Widths(NetworkSettings::usual_hidden(samples));
            tell(&format!(
                "--hidden is {hidden}, as the training split has only {}",
                counted(samples, "sample")
            ));
            *widths = [&[first][..], &hidden.0, &[last]].concat();
        }
        if is_open {
            if let Some(first) = widths.first_mut() {
                *first = data.train.features();
            }
            if let Some(last) = widths.last_mut() {
                let later = test.as_ref().map_or(0, |test| test.usual_outputs(loss));
                *last = data.usual_outputs(loss).max(later);
            }
        }
        let data = match &self.preprocessing.class_weights {
            Some(weights) => {
                let outputs = widths.last().copied().unwrap_or(0);
                data.weighted_by_class(weights, outputs.max(2))?
            }
            None => data,
        };
        if self.network.batch.is_none() && samples < settings.batching.batch {
            tell(&format!(
                "a mini-batch has all of the training split, {}; --batch sets another number",
                counted(samples, "sample")
            ));
            settings.batching.batch = samples;
        }
        settings.validate()?;
        let network = settings.network.build()?;
        data.check(&network)?;
        test.iter().try_for_each(|test| test.check(&network))?;
        Ok(Prepared { settings, data, test, preprocessing, usual_share })
    }

    /// The settings that these flags give, with the default strategy, schedule and number of steps.
    ///
    /// # Errors
    /// As [`NetworkFlags::settings`].
    pub fn settings(&self) -> Result<Settings> {
        let Settings { network, optimization, batching, placement, diagnostics } = self.network.settings()?;
        Ok(Settings {
            network: NetworkSettings { initialiser: self.initialiser.or(network.initialiser), ..network },
            optimization: Optimization {
                shuffle: !self.no_shuffle,
                label_smoothing: self.label_smoothing,
                ..self.optimizer.optimization(optimization)
            },
            batching: Batching {
                micro_batch: self.micro_batch.and_then(Size::samples),
                drop_last: self.drop_last.unwrap_or(batching.drop_last),
                ..batching
            },
            placement: Placement { dataset: self.dataset, ..placement },
            diagnostics,
        })
    }
}

/// The checkpointing strategy.
#[derive(Debug, Args)]
#[command(next_help_heading = "Memory")]
pub(super) struct StrategyFlags {
    /// Keep every N-th state as a checkpoint and recompute the others; 0 keeps all, auto chooses the N with the lowest peak
    #[arg(long, value_name = "N", default_value = "0", value_parser = every, allow_negative_numbers = true)]
    every: Strategy,

    /// Upper bound on all device memory, such as 64MiB; the planner recomputes as little as it allows, and on a GPU may divide batches instead
    #[arg(long, value_name = "BYTES", conflicts_with = "every", value_parser = parse_bytes, allow_negative_numbers = true)]
    budget: Option<u64>,
}

impl StrategyFlags {
    pub fn strategy(&self) -> Strategy {
        self.budget.map_or(self.every, Strategy::Budget)
    }
}

pub(super) fn every(text: &str) -> Result<Strategy, String> {
    match text {
        "auto" => Ok(Strategy::EveryAuto),
        _ => text
            .parse()
            .map(Strategy::EveryN)
            .map_err(|_| "expected a whole number of at least 0, or auto".to_owned()),
    }
}
