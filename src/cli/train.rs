use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use clap::Args;

use super::flags::{RunFlags, StrategyFlags};
use super::output;
use super::progress::Progress;
use crate::config::Settings;
use crate::data::{Dataset, weights};
use crate::memory::check_host_memory;
use crate::model::Parameters;
use crate::report::{self, PlanSummary, RunSummary};
use crate::train::{Trainer, Verifier};
use crate::{Error, Result};

#[derive(Debug, Args)]
pub(super) struct TrainArgs {
    #[command(flatten)]
    flags: RunFlags,

    #[command(flatten)]
    strategy: StrategyFlags,

    /// Start from the parameters in this npz
    #[arg(long, value_name = "FILE")]
    init: Option<PathBuf>,

    /// Write the trained parameters to this npz
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,

    /// Compare every recomputed activation, bit for bit, with what was there before; slower, with equal results
    #[arg(long)]
    verify_recompute: bool,

    /// One JSON object a line on stdout, nothing else there
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &TrainArgs) -> Result<()> {
    let settings = Settings {
        strategy: args.strategy.strategy(),
        verify_recompute: args.verify_recompute,
        ..args.flags.settings()
    };
    settings.validate()?;
    let network = settings.network()?;
    if let Some(path) = &args.save {
        weights::check_writable(path)?;
    }
    let data = Arc::new(Dataset::load(&args.flags.data)?);
    data.check(network.features(), network.classes())?;
    // The initial parameters, and what the device takes or gives back.
    check_host_memory("two copies of the parameters", 8 * network.parameter_count())?;
    let initial = match &args.init {
        Some(path) => weights::read(path, &network)?,
        None => Parameters::normal(&network, settings.seed),
    };

    let mut trainer = Trainer::new(&settings, &data, &initial)?;
    announce(args, &settings, &trainer);
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

    if let Some(states) = trainer.verifier().map(Verifier::compared).filter(|&states| states > 0) {
        output::narrate(&format!("{states} recomputed states compared, all equal to the last bit"));
    }
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

fn announce(args: &TrainArgs, settings: &Settings, trainer: &Trainer) {
    let device = trainer.device();
    let note = match trainer.passed_over() {
        Some(Error::NoDevice { problem, .. }) => format!(": {problem}"),
        _ => String::new(),
    };
    let summary = PlanSummary {
        strategy: trainer.strategy(),
        network: trainer.network(),
        plan: trainer.plan(),
        planned: trainer.planned(),
        micro_batch: trainer.micro_batch(),
        parts: trainer.parts(),
    };
    output::narrate(&format!("training {} on {device}{note}", settings.layers));
    output::narrate(&report::text::plan(&summary));
    if trainer.verifier().is_some_and(|verifier| !verifier.has_work()) {
        output::narrate(
            "nothing is recomputed, so there is nothing to verify: use --every 2 or more, or a --budget",
        );
    }
    if args.json {
        output::json(&report::json::plan(&summary));
    }
}
