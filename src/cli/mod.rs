//! The command line, one file per command.

mod allocator;
mod alternatives;
mod architecture;
mod bench;
mod callback;
mod check;
mod choices;
mod compare;
mod config_file;
mod convert;
mod data;
mod delayed;
mod devices;
mod evaluations;
mod find_lr;
mod flags;
mod hints;
mod interrupt;
mod limits;
mod logging;
mod manual;
mod optimizer;
mod output;
mod outputs;
mod plan;
mod predict;
mod progress;
mod scoring;
mod selection;
mod setting_flags;
mod sizes;
mod snapshots;
mod solve_for;
mod start;
mod summary;
mod sweep;
mod switches;
mod train;

use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::{Error, Result};
use config_file::{CommandLine, Effective, Lines};

pub use allocator::ReportingAllocator;
#[cfg(any(test, fuzzing))]
pub(crate) use config_file::check as check_config;

/// Train deep MLPs within a device-memory budget, on any GPU, with activation checkpointing
#[derive(Debug, Parser)]
#[command(name = "ckpt-gpu", version, arg_required_else_help = true, args_override_self = true)]
#[command(
    after_help = "Exit codes: 0 done, 1 failed check or internal error, 2 usage, 3 unreadable, invalid or unwritable file, 4 no suitable device, \
                        5 does not fit, 6 diverged, 7 device lost, 130 interrupted."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,

    /// Values of the command's flags, including defaults.
    #[clap(skip)]
    effective: Option<Effective>,

    /// The file of flags, the lines of those that are taken from it, and a note about it.
    #[clap(skip)]
    config: Option<PathBuf>,
    #[clap(skip)]
    lines: Lines,
    #[clap(skip)]
    note: Option<String>,

    /// Print only errors to stderr
    #[arg(short, long, global = true)]
    quiet: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Train a network with activation checkpointing
    Train(Box<train::TrainArgs>),
    /// Show the plan of a training run, without allocating anything
    Plan(Box<plan::PlanArgs>),
    /// Check a device: kernels, gradients, strategies and memory accounting
    Check(Box<check::CheckArgs>),
    /// Compare memory, time and results of several strategies
    Compare(Box<compare::CompareArgs>),
    /// Find a learning rate by a range test
    FindLr(Box<find_lr::FindLrArgs>),
    /// Train with several values of flags, seeds and folds, and compare the results
    Sweep(Box<sweep::SweepArgs>),
    /// Evaluate a trained network
    Eval(Box<predict::EvalArgs>),
    /// Write a trained network's predictions
    Predict(Box<predict::PredictArgs>),
    /// Write a trained network as another kind of model file
    Convert(convert::ConvertArgs),
    /// Measure what a GPU does: the cost of a dispatch, its peak, copies and products
    Bench(bench::BenchArgs),
    /// List the devices that training can run on
    Devices(devices::DevicesArgs),
    /// Print shell completions
    Completions(manual::CompletionsArgs),
    /// Write manual pages
    Man(manual::ManArgs),
}

/// The program's commands and flags.
pub fn command() -> clap::Command {
    switches::with_values(config_file::with_flag(Cli::command()))
}

/// Runs the command line of this process and returns its exit code, [`crate::Error::exit_code`] for a failure.
pub fn main() -> ExitCode {
    interrupt::report_full_files();
    match parse(std::env::args_os()).and_then(run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::complain(&format!("ckpt-gpu: {error}"));
            ExitCode::from(error.exit_code())
        }
    }
}

/// Parses a command line and the file of flags that it names. Ends the process for `--help` and for errors of clap.
///
/// # Errors
/// [`crate::Error::Usage`] for an invalid file of flags.
fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Cli> {
    let command = command();
    let CommandLine { words, config, lines, note } =
        CommandLine::expanded(&command, words.into_iter().collect())?;
    let refuse = |error: clap::Error| -> ! {
        if let Some(note) = &note {
            output::narrate(note);
        }
        if let Some(path) = &config {
            output::narrate(&format!(
                "with the flags of {} before those of the command line:",
                path.display()
            ));
        }
        // A reader that has closed the pipe is not an error.
        let is_lost = error.print().is_err_and(|problem| problem.kind() != ErrorKind::BrokenPipe);
        let lost = Error::file(Path::new("stdout"), "").exit_code().into();
        std::process::exit(if is_lost { lost } else { error.exit_code() })
    };
    let matches = command.clone().try_get_matches_from(&words).unwrap_or_else(|mut error| {
        switches::suggest_equals(&mut error, &command, &words);
        refuse(error)
    });
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| refuse(error));
    let effective = matches.subcommand().map(|(name, matches)| Effective::of(&command, name, matches));
    Ok(Cli { effective, config, lines, note, ..cli })
}

/// Runs one command.
///
/// # Errors
/// The command's errors; [`crate::Error::exit_code`] is the process's exit code.
fn run(cli: Cli) -> Result<()> {
    if cli.quiet {
        output::be_quiet();
    }
    if let Some(note) = &cli.note {
        output::narrate(note);
    }
    let (config, lines) = (cli.config.clone(), cli.lines);
    let done = match cli.command {
        Command::Train(args) => train::run(&args, cli.effective.as_ref(), cli.config.as_deref()),
        Command::Plan(args) => plan::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Compare(args) => compare::run(&args),
        Command::FindLr(args) => find_lr::run(&args, cli.config.as_deref()),
        Command::Sweep(args) => sweep::run(&args, &command()),
        Command::Eval(args) => predict::eval(&args),
        Command::Predict(args) => predict::predict(&args),
        Command::Convert(args) => convert::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Devices(args) => {
            devices::run(&args);
            output::check_lines()
        }
        Command::Completions(args) => manual::completions(&args),
        Command::Man(args) => manual::pages(&args),
    };
    done.map_err(|error| match config {
        Some(config) => config_file::located(error, &config, &lines),
        None => error,
    })
}
