use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use clap::Args;
use clap::builder::{OsStringValueParser, TypedValueParser};

use super::callback::{Callback, Finished};
use super::choices::{choices, named};
use super::config_file::Effective;
use super::flags::{Prepared, RunFlags, StrategyFlags};
use super::hints::{self, Asked};
use super::logging::LogFlags;
use super::output;
use super::outputs;
use super::progress::explain_preparation;
use super::scoring::Scorer;
use super::selection::SelectionFlags;
use super::snapshots::{SnapshotFlags, remedy};
use super::start::StartFlags;
use super::summary::Summary;
use crate::config::{DeviceChoice, Diagnostics, Settings};
use crate::data::{Dataset, EvaluatedOn};
use crate::log;
use crate::model_file::{self, Model};
use crate::report::{self, Content, Origin, PlanSummary, Report, ReportFile, RunSummary};
use crate::train::{Best, Ending, Fit, Found, Machine, RunPlanner, SplitScores, Start, Trainer, Verifier};
use crate::words::counted;
use crate::{Error, Result, Setting};

#[derive(Debug, Args)]
pub(super) struct TrainArgs {
    #[command(flatten)]
    strategy: StrategyFlags,

    #[command(flatten)]
    flags: RunFlags,

    #[command(flatten)]
    selection: SelectionFlags,

    /// Evaluate on the training split, too
    #[arg(long, help_heading = "Evaluation")]
    evaluate_training: bool,

    #[command(flatten)]
    start: StartFlags,

    #[command(flatten)]
    snapshots: SnapshotFlags,

    #[command(flatten)]
    log: LogFlags,

    /// Write the trained network to this .safetensors, .npz or .onnx file; may be repeated
    #[arg(long, help_heading = "Output", value_name = "FILE", value_parser = named(&model_file::ENDINGS))]
    save: Vec<PathBuf>,

    #[arg(long, help = format!("Write a report of memory, evaluations and scores to FILE: {}; may be repeated", ReportFile::plan_formats()), help_heading = "Output", value_name = "FILE", value_parser = OsStringValueParser::new().try_map(ReportFile::of_plan))]
    report: Vec<ReportFile>,

    /// Save all flag values to this TOML file, to repeat the run with --config
    #[arg(long, help_heading = "Output", value_name = "FILE")]
    save_config: Option<PathBuf>,

    /// Compare every recomputed state bit for bit with its first computation; slower, same results
    #[arg(long, help_heading = "Training")]
    verify_recompute: bool,

    /// What to print after the last step
    #[arg(long, help_heading = "Output", value_name = "HOW", default_value = Summary::Short.name(), value_parser = choices(Summary::ALL, Summary::name, Summary::summary))]
    summary: Summary,

    /// Print one JSON object per line to stdout, and nothing else
    #[arg(long, help_heading = "Output")]
    json: bool,
}

impl TrainArgs {
    /// `config` is the file that flags came from.
    ///
    /// # Errors
    /// [`Error::Usage`] if an output is also an input or another output, or would replace a file in a folder of one;
    /// [`Error::File`] if it cannot be written.
    fn check_outputs(&self, config: Option<&Path>) -> Result<()> {
        let init = self.start.init.as_deref().map(|path| (Setting::Init, path));
        let config = config.map(|path| (Setting::Config, path));
        let data = (Setting::Data, self.flags.task.data.path.as_path());
        let log = self.log.directory().map(|path| (Setting::Log, path));
        let snapshots = self.snapshots.directory().map(|path| (Setting::Snapshot, path));
        // Not there before the first run.
        let metrics = self.log.directory().map(log::csv_path);
        let metrics = metrics.as_deref().map(|path| (Setting::Log, path));
        let read: Vec<_> =
            [init, config, Some(data), log, metrics, snapshots].into_iter().flatten().collect();
        let save = self.save.iter().map(|path| (Setting::Save, path.as_path()));
        let saved_config = self.save_config.as_deref().map(|path| (Setting::SaveConfig, path));
        let reports = self.report.iter().map(|report| (Setting::Report, report.path()));
        let written: Vec<_> = save.chain(saved_config).chain(reports).collect();
        outputs::check_outputs(&read, &written)
    }
}

/// `effective` holds the flags that `args` were parsed from, some of them from the file `config`.
pub(super) fn run(args: &TrainArgs, effective: Option<&Effective>, config: Option<&Path>) -> Result<()> {
    let mut settings = args.flags.settings()?;
    settings.placement.strategy = args.strategy.strategy();
    settings.placement.keeps_best = args.selection.selection().is_some();
    settings.diagnostics = Diagnostics {
        timed: args.report.iter().any(ReportFile::is_timed),
        verify_recompute: args.verify_recompute,
    };
    args.flags.task.sizes().check(settings.placement.strategy)?;
    settings.validate()?;
    args.selection.check()?;
    args.snapshots.check()?;
    args.log.check()?;
    for hint in hints::unused(&settings) {
        output::narrate(&hint);
    }
    args.check_outputs(config)?;
    let Prepared { settings, data, test, preprocessing, usual_share } = args.flags.task.load(settings)?;
    let network = settings.network.build()?;
    for path in &args.save {
        model_file::check_size(path, &network)?;
    }
    let data = Arc::new(data);
    let selection = args.selection.selection();
    if let Some(selection) = selection {
        selection.check(&data, &network)?;
        if data.evaluated_on == EvaluatedOn::Test {
            output::narrate(
                "the best parameters are chosen on the test split, so that its scores are optimistic; --validation 0.1 \
                 holds out training samples to choose on, and keeps the test split for the end",
            );
        }
    }
    if args.evaluate_training && data.evaluated_on == EvaluatedOn::Training {
        output::narrate(
            "--evaluate-training has no effect, as the run is evaluated on its training samples anyway",
        );
    }
    let mut snapshots = args.snapshots.open()?;
    let preparing = (settings.placement.device != DeviceChoice::Cpu).then(explain_preparation);
    let Found { machine, passed_over } = Machine::find(settings.placement.device)?;
    let planner = RunPlanner::new(machine.target(), data.shape());
    let sizes = args.flags.task.sizes();
    let settings = sizes.settled(settings, snapshots.as_mut(), &planner, &mut output::narrate)?;
    let mut snapshot = snapshots
        .as_mut()
        .map(|snapshots| snapshots.start(&settings, &data, args.selection.evaluate_every))
        .transpose()?
        .flatten();
    let so_far = snapshot.as_mut().and_then(|snapshot| snapshot.progress.best.take());
    let best = match (selection, so_far) {
        (Some(selection), so_far) => Some(Best::new(selection, so_far)?),
        (None, None) => None,
        (None, Some(best)) => {
            let problem = format!(
                "found none, expected {}, as the run that is resumed; use {}",
                best.metric,
                Setting::KeepBest.with(&best.metric)
            );
            return Err(Error::usage(Setting::KeepBest, problem));
        }
    };
    if let (Some(_), Some(init)) = (&snapshot, &args.start.init) {
        output::narrate(&format!("the run is resumed, and {} is not used", init.display()));
    }
    let resumed_after = snapshot.as_ref().map(|snapshot| snapshot.progress.steps);
    let start = match snapshot {
        Some(snapshot) => Start::from(snapshot),
        None => args.start.parameters(&network, &settings, &preprocessing)?.into(),
    };
    let mut log = args.log.open(data.evaluated_on, resumed_after)?;

    let mut trainer = Trainer::on(&machine, &settings, &data, start)?;
    drop(preparing);
    drop(machine);
    let (plan, planned) = (trainer.plan().clone(), *trainer.planned());
    let summary = PlanSummary {
        strategy: trainer.strategy(),
        network: &network,
        plan: &plan,
        planned: &planned,
        micro_batch: trainer.micro_batch(),
        parts: trainer.parts(),
    };
    announce(args, &settings, &trainer, passed_over.as_ref(), &summary);
    if let Some(effective) = effective {
        if let Some(path) = &args.save_config {
            effective.write(path, &settings, usual_share)?;
            output::narrate(&format!("flags saved to {}", path.display()));
        }
        if let Some(snapshots) = &snapshots {
            snapshots.keep_config(effective, &settings, usual_share, config);
        }
    }
    // Without it, a run that is killed between its first row of a log and its first snapshot could neither begin again nor
    // resume.
    if let (Some(snapshots), Some(_), 0) = (&mut snapshots, &log, trainer.steps()) {
        snapshots.save(&mut trainer, None)?;
    }
    if let Some(log) = &mut log {
        log.begin(&trainer);
    }
    let started = Instant::now();
    let mut callback = Callback::new(
        &trainer,
        settings.batching.batch,
        args.json,
        args.report.iter().any(ReportFile::shows_scores),
        log.as_mut(),
        snapshots.as_mut(),
    );
    let mut fit = Fit {
        evaluate_training: args.evaluate_training,
        report_every: callback.report_every(),
        ..args.selection.fit(best)
    };
    let ended = trainer.fit(&mut fit, |event| callback.on_event(event));
    let Finished { epochs, evaluations, interrupt } = callback.finish();
    let best = fit.best.as_mut().and_then(Best::take_parameters);
    let model_of =
        |parameters| Model { parameters, network: network.clone(), preprocessing: preprocessing.clone() };
    // The best parameters are good even if later ones have diverged.
    let ended = match ended {
        Ok(ended) => ended,
        Err(error) => {
            if let (Error::Diverged { .. }, Some(best)) = (&error, best) {
                let saved = save(args, &model_of(best));
                saved.unwrap_or_else(|error| output::complain(&error.to_string()));
            }
            if let Some(snapshots) = &snapshots {
                snapshots.tell_last(&error);
            }
            return Err(error);
        }
    };
    if ended == Ending::Stopped {
        return Err(Error::Interrupted { steps: trainer.steps(), remedy: remedy(snapshots.is_some()) });
    }
    let seconds = started.elapsed().as_secs_f64();

    if let Some(states) = trainer.verifier().map(Verifier::compared).filter(|&states| states > 0) {
        output::narrate(&format!("{} compared, all bit-identical", counted(states, "recomputed state")));
    }
    let (memory, device) = (trainer.memory(), trainer.device());
    let (steps, dispatches_a_step) = (trainer.steps(), trainer.dispatches_a_step());
    let laps = trainer.laps().to_vec();
    // Frees the device: it holds the run or the network that is scored.
    let parameters = match best {
        Some(best) => {
            drop(trainer);
            best
        }
        None => trainer.into_model_parameters()?,
    };
    let mut model = model_of(parameters);
    let saved = save(args, &model);
    let mut results = Vec::new();
    let run = RunSummary {
        epochs: &epochs,
        evaluations: &evaluations,
        results: &[],
        laps: &laps,
        steps,
        seconds,
        device: &device,
        dispatches_a_step,
        memory: &memory,
        weights_sha256: model.parameters.sha256(),
        best: fit.best.as_ref(),
        stopped_early: ended == Ending::OutOfPatience,
    };
    if args.json {
        output::json(&report::json::done(&run));
    } else {
        match args.summary {
            Summary::None => {}
            Summary::Short => output::line(&report::text::summary(&run)),
            Summary::Full => output::line(&report::text::tables(&run, output::width())),
        }
    }
    let origin = Origin::Run {
        settings: &settings,
        data: &args.flags.task.data.path,
        init: args.start.init.as_deref(),
    };
    // A run that is killed while its result is scored leaves reports without scores. They are also written if the parameters
    // cannot be saved.
    let mut outcomes = vec![saved];
    let mut unscored = Vec::new();
    for file in &args.report {
        let written = output::write_report(file, &Report { origin, content: Content::Run(&summary, &run) });
        if written.is_ok() && file.shows_scores() {
            unscored.push(file);
        }
        outcomes.push(written);
    }
    let is_held_out = data.evaluated_on != EvaluatedOn::Training;
    let held_out = Some(&data).filter(|_| is_held_out && !unscored.is_empty());
    let stop = || {
        if interrupt.is_asked() {
            return Err(Error::Interrupted { steps, remedy: scores_remedy(args, snapshots.is_some()) });
        }
        Ok(())
    };
    if held_out.is_some() || test.is_some() {
        let scorer = Scorer::on(settings.placement.device, &mut model, summary.micro_batch, &stop);
        let scored =
            scorer.and_then(|mut scorer| score(&mut scorer, held_out, test, args.json, &mut results));
        outcomes.push(scored);
    }
    if !results.is_empty() {
        let run = RunSummary { results: &results, ..run };
        let report = Report { origin, content: Content::Run(&summary, &run) };
        outcomes.extend(unscored.into_iter().map(|file| {
            file.write(&report)
                .map(|()| output::narrate(&format!("scores added to {}", file.path().display())))
        }));
    }
    outcomes.push(output::check_lines());
    output::first_error(outcomes)
}

/// Adds scores on the `held_out` split and on the `test` split to `results`. Without room on the host or the device for the
/// former, the reports do without.
///
/// # Errors
/// The first of [`Scorer`]; the others are printed.
fn score(
    scorer: &mut Scorer,
    held_out: Option<&Arc<Dataset>>,
    test: Option<Dataset>,
    is_json: bool,
    results: &mut Vec<SplitScores>,
) -> Result<()> {
    let mut outcome = Ok(());
    if let Some(data) = held_out {
        output::narrate("computing scores for the report");
        match scorer.held_out(data) {
            Ok(scores) => results.push(scores),
            Err(error @ Error::DoesNotFit(_)) => {
                let split = data.evaluated_on.name();
                output::complain(&format!("no report has scores on the {split} split: {error}"));
            }
            Err(error @ Error::Interrupted { .. }) => return Err(error),
            Err(error) => outcome = Err(error),
        }
    }
    let tested = test.map(|test| scorer.test(&Arc::new(test), is_json)).transpose();
    output::first_error([outcome, tested.map(|scores| results.extend(scores))])
}

/// How to come by the scores that an interrupt leaves out.
fn scores_remedy(args: &TrainArgs, has_snapshots: bool) -> String {
    let how = match args.save.first() {
        _ if has_snapshots => remedy(true),
        Some(path) => format!("evaluate {} by ckpt-gpu eval", path.display()),
        None => "use --save FILE to evaluate the result later".to_owned(),
    };
    format!("no step is left, but some scores are missing; {how}")
}

/// Writes the model files.
fn save(args: &TrainArgs, model: &Model) -> Result<()> {
    output::first_error(args.save.iter().map(|path| {
        model_file::write(path, model)
            .map(|()| output::narrate(&format!("parameters saved to {}", path.display())))
    }))
}

fn announce(
    args: &TrainArgs,
    settings: &Settings,
    trainer: &Trainer,
    passed_over: Option<&Error>,
    summary: &PlanSummary,
) {
    let device = output::device(&trainer.device(), passed_over);
    output::narrate(&format!("training {} on {device}", settings.network.layers));
    output::refusals(trainer.refusals());
    output::narrate(&report::text::plan(summary));
    for line in hints::never(settings, trainer.total_steps(), trainer.data().train.len()) {
        output::narrate(&line);
    }
    if trainer.verifier().is_some_and(|verifier| !verifier.has_work()) {
        output::narrate("nothing is recomputed, so there is nothing to verify; use --every 2 or more");
    }
    let asked = Asked {
        settings,
        bytes: trainer.planned().total(),
        recomputed_share: trainer.plan().prediction.recomputed_share(),
        samples: Some(trainer.data().train.len()),
    };
    let division = hints::division(settings, trainer.micro_batch());
    let hint = || hints::hint(&asked, &trainer.planner());
    if let Some(hint) = division.or_else(hint) {
        output::narrate(&hint);
    }
    if args.json {
        output::json(&report::json::plan(summary));
    }
}
