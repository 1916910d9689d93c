//! One run of a sweep.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use clap::{CommandFactory, FromArgMatches, Parser};
use sha2::{Digest, Sha256};

use crate::cli::choices::count;
use crate::cli::flags::{Prepared, RunFlags, StrategyFlags};
use crate::cli::hints;
use crate::cli::interrupt::Interrupt;
use crate::cli::output;
use crate::cli::progress::Progress;
use crate::cli::selection::SelectionFlags;
use crate::cli::snapshots::{Snapshots, this_command};
use crate::cli::start::StartFlags;
use crate::cli::switches;
use crate::config::{DeviceChoice, Settings};
use crate::data::Fold;
use crate::report::SweepRun;
use crate::train::{
    Best, Ending, Event, Fit, Machine, Metric, Report, RunPlanner, Selection, Start, Trainer,
};
use crate::{Error, Result, Setting};

/// The flags of a run: those of `train` but for what it writes and prints.
#[derive(Debug, Parser)]
#[command(name = "train", no_binary_name = true, args_override_self = true)]
pub(super) struct RunArgs {
    #[command(flatten)]
    strategy: StrategyFlags,

    #[command(flatten)]
    flags: RunFlags,

    #[command(flatten)]
    selection: SelectionFlags,

    #[command(flatten)]
    start: StartFlags,

    /// Steps between two snapshots
    #[arg(long, value_parser = count::<u64>)]
    snapshot_every: Option<u64>,
}

/// The command that has these flags.
pub(super) fn command() -> clap::Command {
    switches::with_values(RunArgs::command())
}

impl RunArgs {
    /// # Errors
    /// [`Error::Usage`] for flags that clap does not take.
    fn parsed(words: &[String]) -> Result<Self> {
        let invalid = |error: clap::Error| {
            let text = error.to_string();
            let first = text.lines().next().unwrap_or_default();
            Error::usage(Setting::Sweep, first.trim_start_matches("error: "))
        };
        let matches = command().try_get_matches_from(words).map_err(invalid)?;
        RunArgs::from_arg_matches(&matches).map_err(invalid)
    }
}

/// The seed that the flags `words` give.
///
/// # Errors
/// As [`Run::new`].
pub(super) fn seed(words: &[String]) -> Result<u64> {
    Ok(RunArgs::parsed(words)?.flags.settings()?.optimization.seed)
}

/// A run, with the flags that describe it.
pub(super) struct Run {
    args: RunArgs,
    settings: Settings,
    words: Vec<String>,
    metric: Metric,
    pub fold: Option<Fold>,
}

impl Run {
    /// A run with the flags `words`.
    ///
    /// # Errors
    /// [`Error::Usage`] for flags that contradict each other.
    pub fn new(words: Vec<String>, fold: Option<Fold>, metric: Metric) -> Result<Self> {
        let args = RunArgs::parsed(&words)?;
        let mut settings = args.flags.settings()?;
        settings.placement.strategy = args.strategy.strategy();
        settings.placement.keeps_best = args.selection.selection().is_some();
        args.flags.task.sizes().check(settings.placement.strategy)?;
        settings.validate()?;
        let run = Run { args, settings, words, metric, fold };
        run.args.selection.check()?;
        run.selection()?;
        if run.args.snapshot_every == Some(0) {
            return Err(Error::usage(Setting::SnapshotEvery, "found 0, expected at least 1"));
        }
        Ok(run)
    }

    /// The seed of its flags.
    pub fn seed(&self) -> u64 {
        self.settings.optimization.seed
    }

    /// The machine that its flags choose.
    pub fn device(&self) -> DeviceChoice {
        self.settings.placement.device
    }

    /// Lines about flags that have no effect.
    pub fn hints(&self) -> Vec<String> {
        hints::unused(&self.settings)
    }

    /// How the best parameters are chosen, if they are kept.
    fn selection(&self) -> Result<Option<Selection>> {
        self.args.selection.selection_by(self.metric)
    }

    /// A name that runs share if their flags and folds are equal, and the metric that they stop by.
    pub fn key(&self) -> Result<String> {
        let mut words = self.words.clone();
        words.sort();
        let mut hash = Sha256::new();
        let metric = self.selection()?.map(|selection| selection.metric.name());
        hash.update(format!("{words:?} {:?} {metric:?}", self.fold));
        Ok(hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect())
    }

    /// Flags and fold that determine the run's samples, as text.
    pub fn data_key(&self) -> String {
        self.args.flags.task.data_key(&self.settings, self.fold)
    }

    /// Loads its dataset; `tell` takes lines about it.
    ///
    /// # Errors
    /// As [`TaskFlags::load_fold`](crate::cli::flags::TaskFlags::load_fold), and [`Error::Usage`] for a metric that does not fit it.
    pub fn load(&self, tell: &mut dyn FnMut(&str)) -> Result<Prepared> {
        let prepared = self.args.flags.task.load_fold(self.settings.clone(), self.fold, tell)?;
        let network = prepared.settings.network.build()?;
        let selection = Selection { metric: self.metric, patience: None, min_delta: 0.0 };
        selection.check(&prepared.data, &network).map_err(|error| match error {
            Error::Usage { setting: Setting::KeepBest, problem } => Error::usage(Setting::Metric, problem),
            other => other,
        })?;
        Ok(prepared)
    }

    /// Trains on `machine`, from the snapshot in `directory` if there is one, and evaluates; `tell` takes hints.
    ///
    /// # Errors
    /// [`Error::Interrupted`] once a snapshot is written there, and those of training except a divergence, which is a result.
    pub fn train(
        &self,
        machine: &Machine,
        prepared: Prepared,
        directory: &Path,
        interrupt: &Interrupt,
        tell: &mut dyn FnMut(&str),
    ) -> Result<SweepRun> {
        let Prepared { settings, data, preprocessing, .. } = prepared;
        let data = Arc::new(data);
        let mut snapshots = Snapshots::in_directory(directory, self.args.snapshot_every)?;
        let planner = RunPlanner::new(machine.target(), data.shape());
        let settings =
            self.args.flags.task.sizes().settled(settings, Some(&mut snapshots), &planner, tell)?;
        let mut snapshot = snapshots.start(&settings, &data, self.args.selection.evaluate_every)?;
        let so_far = snapshot.as_mut().and_then(|snapshot| snapshot.progress.best.take());
        let best = self.selection()?.map(|selection| Best::new(selection, so_far)).transpose()?;
        let start = match snapshot {
            Some(snapshot) => Start::from(snapshot),
            None => self.args.start.parameters(&settings.network.build()?, &settings, &preprocessing)?.into(),
        };
        let mut trainer = Trainer::on(machine, &settings, &data, start)?;
        output::refusals(trainer.refusals());
        for line in hints::never(&settings, trainer.total_steps(), data.train.len()) {
            tell(&line);
        }

        let mut fit = self.args.selection.fit(best);
        fit.report_every = self.args.snapshot_every.into_iter().collect();
        let ended = fitted(&mut trainer, &mut fit, &mut snapshots, settings.batching.batch, interrupt);
        let steps = trainer.steps();
        if let Ok(Ending::Stopped) = ended {
            let remedy = format!("{}{}", output::RESUME, this_command());
            return Err(Error::Interrupted { steps, remedy });
        }
        let best = fit.best.as_mut().and_then(Best::take_parameters);
        let scored = ended.and_then(|ended| {
            let trainer = match best {
                Some(best) => {
                    // The device holds one of the two at a time.
                    drop(trainer);
                    Trainer::on(machine, &settings, &data, best)?
                }
                None => trainer,
            };
            scored(trainer).map(|scored| (scored, ended == Ending::OutOfPatience))
        });
        let run = |scores, weights_sha256, stopped_early| SweepRun {
            seed: self.seed(),
            fold: self.fold.map(|fold| fold.index),
            evaluated_on: data.evaluated_on.name().to_owned(),
            data: data.identity(),
            scores,
            steps,
            stopped_early,
            weights_sha256,
        };
        match scored {
            Ok((Scored { scores, weights_sha256 }, stopped_early)) => {
                Ok(run(scores, Some(weights_sha256), stopped_early))
            }
            Err(Error::Diverged { epoch, problem }) => {
                output::narrate(&format!("diverged in epoch {epoch}: {problem}"));
                Ok(run(BTreeMap::new(), None, false))
            }
            Err(error) => Err(error),
        }
    }
}

/// Trains to the end, or until `interrupt` is asked for, and writes snapshots.
fn fitted(
    trainer: &mut Trainer,
    fit: &mut Fit,
    snapshots: &mut Snapshots,
    batch: usize,
    interrupt: &Interrupt,
) -> Result<Ending> {
    let mut progress = Progress::of(trainer, batch);
    trainer.fit(fit, |event| {
        match event {
            Event::Step(steps) => progress.step(steps),
            Event::Report(Report { loss, .. }) => progress.loss(loss),
            Event::Resumable(resumable) => {
                if resumable.is_last || snapshots.is_due(resumable.trainer) {
                    snapshots.save(resumable.trainer, resumable.best)?;
                }
                return Ok(ControlFlow::Continue(()));
            }
        }
        let is_asked = interrupt.is_asked();
        Ok(if is_asked { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })
}

/// Results of a trained network.
struct Scored {
    /// Every score that is defined, by the name of its metric.
    scores: BTreeMap<String, f64>,
    weights_sha256: String,
}

fn scored(mut trainer: Trainer) -> Result<Scored> {
    let (evaluation, scores) = trainer.evaluate_outputs()?;
    let score = |metric: Metric| {
        let value = metric.of(&evaluation, Some(&scores)).filter(|value| value.is_finite());
        value.map(|value| (metric.name().to_owned(), value))
    };
    let weights_sha256 = trainer.model_sha256()?;
    Ok(Scored { scores: Metric::ALL.into_iter().filter_map(score).collect(), weights_sha256 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manual_lists_flags_of_train_that_runs_do_not_take() {
        let (program, run) = (crate::cli::command(), command());
        let train = program.find_subcommand("train").unwrap();
        let manual = include_str!("../../../docs/sweeps.md");
        let list = manual.split("to one run alone: ").nth(1).unwrap().split('.').next().unwrap();
        let mut listed: Vec<_> = list.split('`').skip(1).step_by(2).collect();
        let is_own = |name: &&str| run.get_arguments().all(|arg| arg.get_long() != Some(*name));
        let mut own: Vec<_> = train.get_arguments().filter_map(clap::Arg::get_long).filter(is_own).collect();
        listed.sort_unstable();
        own.sort_unstable();
        assert_eq!(listed, own);
    }
}
