//! `ckpt-gpu sweep`: several training runs with different flags, seeds and folds.

mod config;
mod results;
mod run;
mod sobol;
mod space;

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;

use super::choices::named;
use super::interrupt::Interrupt;
use super::output;
use super::outputs;
use crate::data::{EvaluatedOn, Fold};
use crate::file;
use crate::report::{self, Combination, SweepRun, SweepSummary};
use crate::train::{Found, Machine, Metric};
use crate::words::counted;
use crate::{Error, Result, Setting};
use config::Config;
use results::Results;
use run::Run;

#[derive(Debug, Args)]
pub(super) struct SweepArgs {
    /// TOML file of flags of train, with a table [sweep] of what varies
    #[arg(value_name = "CONFIG")]
    file: PathBuf,

    /// Directory of the results; runs that are finished there are not repeated, and one that was interrupted is resumed
    #[arg(long, value_name = "DIR")]
    results: PathBuf,

    /// Write the comparison to this .md file
    #[arg(long, value_name = "FILE", value_parser = named(&["md"]))]
    report: Option<PathBuf>,

    /// Print one JSON object per line to stdout, and nothing else
    #[arg(long)]
    json: bool,
}

/// Runs of a combination.
struct Group {
    values: Vec<String>,
    runs: Vec<Run>,
}

/// `ckpt-gpu sweep`; `program` has all commands.
pub(super) fn run(args: &SweepArgs, program: &clap::Command) -> Result<()> {
    let train = program.find_subcommand("train").ok_or_else(|| Error::internal("there is no train"))?;
    let config = config::read(&args.file, &run::command(), train)?;
    let flags: Vec<String> = config.axes.iter().map(|axis| axis.name.clone()).collect();
    let groups = groups(&config)?;
    if let Some(report) = &args.report {
        let read = [(Setting::Sweep, args.file.as_path()), (Setting::Results, args.results.as_path())];
        outputs::check_outputs(&read, &[(Setting::Report, report)])?;
    }
    let results = Results::open(&args.results)?;
    let Some(first) = groups.first().and_then(|group| group.runs.first()) else {
        return Err(Error::internal("a sweep has no run"));
    };
    let Found { machine, passed_over } = Machine::find(first.device())?;
    let total: usize = groups.iter().map(|group| group.runs.len()).sum();
    let device = output::device(&machine.info(), passed_over.as_ref());
    output::narrate(&format!("sweeping through {} on {device}", counted(total, "run")));

    let is_choice = groups.len() > 1;
    let interrupt = Interrupt::listen();
    let mut told = Vec::new();
    let mut tell = |line: &str| {
        if !told.iter().any(|before| before == line) {
            output::narrate(line);
            told.push(line.to_owned());
        }
    };
    // Samples are loaded again for each run, but their identity is computed once.
    let mut identities: BTreeMap<String, String> = BTreeMap::new();
    let mut combinations = Vec::new();
    let mut number = 0;
    for Group { values, runs } in groups {
        let mut done = Vec::new();
        for run in runs {
            number += 1;
            let name = described(&config, &values, run.seed(), run.fold);
            let about = |error| config.about(&name, error);
            run.hints().iter().for_each(|hint| tell(hint));
            let (key, data_key) = (run.key()?, run.data_key());
            let finished = results.finished(&key)?;
            let result = match finished {
                Some(result) => {
                    let identity = match identities.get(&data_key) {
                        Some(identity) => identity.clone(),
                        None => run.load(&mut tell).map_err(about)?.data.identity(),
                    };
                    results.check_data(&key, &result, &identity)?;
                    if is_choice && result.evaluated_on == EvaluatedOn::Test.name() {
                        tell(OPTIMISTIC);
                    }
                    identities.insert(data_key, identity);
                    result
                }
                None => {
                    let prepared = run.load(&mut tell).map_err(about)?;
                    if is_choice && prepared.data.evaluated_on == EvaluatedOn::Test {
                        tell(OPTIMISTIC);
                    }
                    output::narrate(&format!("run {number} of {total}: {name}"));
                    let directory = results.snapshots(&key);
                    let result = run.train(&machine, prepared, &directory, &interrupt, &mut tell);
                    let result = result.map_err(about)?;
                    results.write(&key, &result)?;
                    identities.insert(data_key, result.data.clone());
                    result
                }
            };
            let varied = flags.iter().zip(&values).map(|(flag, value)| (&flag[..], &value[..])).collect();
            show(args.json, config.metric, &name, &varied, &result);
            done.push(result);
        }
        combinations.push(Combination { values, runs: done });
    }
    let summary = SweepSummary { metric: config.metric, flags, combinations };
    if args.json {
        output::json(&report::json::sweep(&summary));
    } else {
        output::line(&report::text::sweep(&summary, output::width()));
    }
    let written = match &args.report {
        Some(path) => file::replace_with(path, &report::sweep_page(&summary))
            .map(|()| output::narrate(&format!("report written to {}", path.display()))),
        None => Ok(()),
    };
    let diverged = match summary.diverged() == total {
        true => Err(Error::SweepDiverged { runs: total }),
        false => Ok(()),
    };
    output::first_error([written, output::check_lines(), diverged])
}

/// Warning where the best combination is chosen on the test split.
const OPTIMISTIC: &str = "combinations are compared on the test split, so that the best one's scores are optimistic; use folds, \
                          or validation = 0.1 to hold out training samples";

/// Every run that the file asks for, by combination.
fn groups(config: &Config) -> Result<Vec<Group>> {
    let seed = run::seed(&config.shared)?;
    let folds: Vec<Option<Fold>> = match config.folds {
        Some(count) => (0..count).map(|index| Some(Fold { index, count })).collect(),
        None => vec![None],
    };
    let group = |values: Vec<String>| {
        let varied = config.axes.iter().zip(&values).map(|(axis, value)| format!("--{}={value}", axis.name));
        let words: Vec<String> = config.shared.iter().cloned().chain(varied).collect();
        let mut runs = Vec::new();
        for seed in config.seeds(seed) {
            for &fold in &folds {
                let words = words.iter().cloned().chain([format!("--seed={seed}")]).collect();
                let run = Run::new(words, fold, config.metric);
                runs.push(run.map_err(|error| config.about(&described(config, &values, seed, fold), error))?);
            }
        }
        Ok(Group { values, runs })
    };
    config.combinations(seed).into_iter().map(group).collect()
}

/// The flags that vary, the seed and the fold of a run.
fn described(config: &Config, values: &[String], seed: u64, fold: Option<Fold>) -> String {
    let varied = config.axes.iter().zip(values).map(|(axis, value)| format!("--{} {value}", axis.name));
    let seed = format!("--seed {seed}");
    let fold = fold.map(|fold| format!("fold {}", fold.index));
    varied.chain([seed]).chain(fold).collect::<Vec<_>>().join(", ")
}

/// Prints the result of a run, which is called `name`.
fn show(is_json: bool, metric: Metric, name: &str, varied: &BTreeMap<&str, &str>, result: &SweepRun) {
    if is_json {
        output::json(&report::json::sweep_run(varied, result));
        return;
    }
    let outcome = match (result.scores.get(metric.name()), &result.weights_sha256) {
        (Some(score), _) => format!("{} {score:.6}", metric.name()),
        (None, Some(_)) => format!("{} undefined", metric.name()),
        (None, None) => "diverged".to_owned(),
    };
    output::line(&format!("{name}: {outcome}"));
}
