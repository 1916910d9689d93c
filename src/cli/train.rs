use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Instant;

use clap::Args;

use super::output;
use super::progress::Progress;
use crate::config::{DEFAULT_DATA, DeviceChoice, Settings, Widths};
use crate::data::{Dataset, weights};
use crate::device::Residence;
use crate::memory::check_host_memory;
use crate::model::{Activation, Loss, Optimizer, Parameters};
use crate::report::{self, PlanSummary, RunSummary};
use crate::strategy::Strategy;
use crate::train::Trainer;
use crate::{Error, Result};

#[derive(Debug, Args)]
pub(super) struct TrainArgs {
    /// An npz with x_train, y_train, x_test and y_test
    #[arg(long, value_name = "PATH", default_value = DEFAULT_DATA)]
    data: PathBuf,

    /// The width of every state; 30x50 is fifty layers of 30
    #[arg(long, value_name = "WIDTHS", default_value_t = Settings::default().layers)]
    layers: Widths,

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

    /// Keep every N-th activation and recompute the others; 0 keeps all, and so does N from the number of layers on
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = count::<usize>, allow_negative_numbers = true)]
    every: usize,

    /// Where to train
    #[arg(long, value_name = "KIND", default_value_t = Settings::default().device, value_enum)]
    device: DeviceChoice,

    /// Where the data is kept
    #[arg(long, value_name = "WHERE", default_value_t = Settings::default().dataset, value_enum)]
    dataset: Residence,

    /// Start from the parameters in this npz
    #[arg(long, value_name = "FILE")]
    init: Option<PathBuf>,

    /// Write the trained parameters to this npz
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,

    /// One JSON object a line on stdout, nothing else there
    #[arg(long)]
    json: bool,
}

impl TrainArgs {
    fn settings(&self) -> Settings {
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
            strategy: Strategy::EveryN(self.every),
            device: self.device,
            dataset: self.dataset,
        }
    }
}

fn count<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| "expected a whole number that is not negative".to_owned())
}

pub(super) fn run(args: &TrainArgs) -> Result<()> {
    let settings = args.settings();
    settings.validate()?;
    let network = settings.network()?;
    if let Some(path) = &args.save {
        weights::check_writable(path)?;
    }
    let data = Arc::new(Dataset::load(&args.data)?);
    data.check(network.features(), network.classes())?;
    // The initial parameters, and what the device takes or gives back.
    check_host_memory("two copies of the parameters", 8 * network.parameter_count())?;
    let initial = match &args.init {
        Some(path) => weights::read(path, &network)?,
        None => Parameters::normal(&network, settings.seed),
    };

    let mut trainer = Trainer::new(&settings, &data, &initial)?;
    announce(args, &trainer);
    let started = Instant::now();
    let mut progress = Progress::new(trainer.total_steps());
    while !trainer.is_done() {
        let epoch_started = Instant::now();
        let epoch = trainer.epoch(|done| progress.step(done))?;
        let seconds = epoch_started.elapsed().as_secs_f64();
        progress.pause(|| match args.json {
            true => output::json(&report::json::epoch(&epoch, seconds)),
            false => output::line(&report::text::epoch(&epoch, seconds)),
        });
    }
    progress.finish();
    let seconds = started.elapsed().as_secs_f64();

    let parameters = trainer.parameters()?;
    let saved = match &args.save {
        Some(path) => weights::write(path, trainer.network(), &parameters)
            .map(|()| output::narrate(&format!("parameters saved to {}", path.display()))),
        None => Ok(()),
    };
    let memory = trainer.memory();
    let device = trainer.device();
    let summary = RunSummary {
        steps: trainer.steps(),
        seconds,
        device: &device,
        memory: &memory,
        weights_sha256: parameters.sha256(),
    };
    if args.json {
        output::json(&report::json::done(&summary));
    } else {
        output::line(&report::text::done(&summary));
    }
    // What was learnt of the run is shown even where its parameters cannot be saved.
    saved
}

fn announce(args: &TrainArgs, trainer: &Trainer) {
    let device = trainer.device();
    let note = match trainer.passed_over() {
        Some(Error::NoDevice { problem, .. }) => format!(": {problem}"),
        _ => String::new(),
    };
    let summary = PlanSummary {
        strategy: Strategy::EveryN(args.every),
        network: trainer.network(),
        plan: trainer.plan(),
        planned: trainer.planned(),
        micro_batch: trainer.micro_batch(),
        parts: trainer.parts(),
    };
    output::narrate(&format!("training {} on {device}{note}", args.layers));
    output::narrate(&report::text::plan(&summary));
    if args.json {
        output::json(&report::json::plan(&summary));
    }
}
