//! The command line; one file a command.

mod alternatives;
mod check;
mod choices;
mod compare;
mod config;
mod data;
mod devices;
mod flags;
mod hints;
mod interrupt;
mod logging;
mod manual;
mod output;
mod plan;
mod predict;
mod progress;
mod setting;
mod snapshots;
mod train;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::Result;
use config::{CommandLine, Effective};

/// Trains deep multi-layer perceptrons inside a device-memory budget, on any GPU.
#[derive(Debug, Parser)]
#[command(name = "ckpt-gpu", version, arg_required_else_help = true, args_override_self = true)]
#[command(
    after_help = "Exit codes: 0 done, 1 a check failed, 2 usage, 3 a file that cannot be read, trusted or written, 4 no suitable device, \
                        5 does not fit, 6 diverged, 7 device lost, 130 interrupted."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,

    /// What the command was told, defaults among it.
    #[clap(skip)]
    effective: Option<Effective>,

    /// What is to be said of the file that flags are from.
    #[clap(skip)]
    note: Option<String>,

    /// Nothing on stderr but errors: no narration, no progress
    #[arg(short, long, global = true)]
    quiet: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Train a network with activation checkpointing
    Train(Box<train::TrainArgs>),
    /// Show what training would do and take, before anything is allocated
    Plan(Box<plan::PlanArgs>),
    /// Measure whether a device computes right: its kernels, gradients, strategies and bytes
    Check(Box<check::CheckArgs>),
    /// Train under several strategies from the same parameters, and show what each takes and costs
    Compare(Box<compare::CompareArgs>),
    /// Say how well a trained network does on samples
    Eval(Box<predict::EvalArgs>),
    /// Write what a trained network makes of samples
    Predict(Box<predict::PredictArgs>),
    /// List the devices that training can run on
    Devices(devices::DevicesArgs),
    /// Write what completes this program's commands and flags in a shell
    Completions(manual::CompletionsArgs),
    /// Write the manual's pages
    Man(manual::ManArgs),
}

/// The program's commands and flags.
pub fn command() -> clap::Command {
    config::with_flag(Cli::command())
}

/// Runs the command line of this process and returns its exit code, [`crate::Error::exit_code`] for a failure.
pub fn main() -> ExitCode {
    match parse(std::env::args_os()).and_then(run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::complain(&format!("ckpt-gpu: {error}"));
            ExitCode::from(error.exit_code())
        }
    }
}

/// Reads a command line, and the file of flags that it names. For `--help`, and for what clap does not understand, this
/// ends the process.
///
/// # Errors
/// [`crate::Error::Usage`] for a file of flags that cannot be used.
fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Cli> {
    let command = command();
    let CommandLine { words, config, note } = CommandLine::expanded(&command, words.into_iter().collect())?;
    let refuse = |error: clap::Error| -> ! {
        note.iter().for_each(|note| output::narrate(note));
        if let Some(path) = &config {
            output::narrate(&format!("with the flags of {} before those given here:", path.display()));
        }
        error.exit()
    };
    let matches = command.clone().try_get_matches_from(words).unwrap_or_else(|error| refuse(error));
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| refuse(error));
    let effective = matches.subcommand().map(|(name, matches)| Effective::of(&command, name, matches));
    Ok(Cli { effective, note, ..cli })
}

/// Runs one command.
///
/// # Errors
/// Whatever the command meets; [`crate::Error::exit_code`] is the process's exit code.
fn run(cli: Cli) -> Result<()> {
    if cli.quiet {
        output::be_quiet();
    }
    cli.note.iter().for_each(|note| output::narrate(note));
    match cli.command {
        Command::Train(args) => train::run(&args, cli.effective.as_ref()),
        Command::Plan(args) => plan::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Compare(args) => compare::run(&args),
        Command::Eval(args) => predict::eval(&args),
        Command::Predict(args) => predict::predict(&args),
        Command::Devices(args) => {
            devices::run(&args);
            Ok(())
        }
        Command::Completions(args) => manual::completions(&args),
        Command::Man(args) => manual::pages(&args),
    }
}
