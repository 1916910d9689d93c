//! `--config`: flags from a TOML file, validated by clap's definitions.

mod effective;
pub(super) mod file;
mod key;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};

pub(super) use effective::Effective;
use file::Given;
pub(super) use key::check as check_value;

use super::setting_flags;
use crate::{Error, Result, Setting};

const CONFIG: &str = "config";

/// Lines of a file by their keys.
pub(super) type Lines = BTreeMap<String, usize>;

/// Commands that take the flag.
const COMMANDS: [&str; 7] = ["train", "plan", "check", "compare", "find-lr", "eval", "predict"];

/// Commands and flags that they take from the command line only: in a file, the flag names an output of the training run.
const NOT_SHARED: [(&str, &str); 3] = [("plan", "report"), ("compare", "report"), ("eval", "report")];

/// `command`, with `--config` on each of [`COMMANDS`].
pub(super) fn with_flag(command: Command) -> Command {
    let flag = Arg::new(CONFIG)
        .long(CONFIG)
        .value_name("FILE")
        .value_parser(clap::value_parser!(PathBuf))
        .help_heading(None::<&'static str>)
        .help(
            "Read flags by long name from this TOML file, such as every = 10; the command line overrides it",
        );
    COMMANDS.iter().fold(command, |command, name| command.mut_subcommand(name, |own| own.arg(flag.clone())))
}

/// A command line, with the flags of its file inserted.
pub(super) struct CommandLine {
    pub words: Vec<OsString>,
    /// The file.
    pub config: Option<PathBuf>,
    /// Lines of the flags that are taken from it, by their keys.
    pub lines: Lines,
    /// Note about the file.
    pub note: Option<String>,
}

impl CommandLine {
    /// `words` with the flags of the `--config` file inserted before theirs, except those that they override.
    ///
    /// # Errors
    /// [`Error::Usage`] for a file that cannot be read or has an invalid flag.
    pub fn expanded(command: &Command, words: Vec<OsString>) -> Result<Self> {
        let lenient = command.clone().ignore_errors(true).try_get_matches_from(&words);
        // Errors in the words themselves are reported when they are parsed for good.
        let Some((name, given)) = lenient.as_ref().ok().and_then(ArgMatches::subcommand) else {
            return Ok(CommandLine { words, config: None, lines: Lines::new(), note: None });
        };
        let (Some(own), Ok(Some(path))) =
            (command.find_subcommand(name), given.try_get_one::<PathBuf>(CONFIG))
        else {
            return Ok(CommandLine { words, config: None, lines: Lines::new(), note: None });
        };
        let others: Vec<_> = command
            .get_subcommands()
            .filter(|other| other.get_name() != name && COMMANDS.contains(&other.get_name()))
            .collect();
        let text = file::read(path)?;
        let read = file::contents(path, &text, own, &others)?;
        let passed_over = read.passed_over.iter().map(|other| other.key.clone()).collect();
        let ignored = [
            (format!("flags that {name} does not have"), &passed_over),
            (format!("flags that {name} takes from the command line only"), &read.not_shared),
        ];
        let ignored: Vec<_> = (ignored.iter())
            .filter(|(_, keys): &&(String, &Vec<String>)| !keys.is_empty())
            .map(|(flags, keys)| format!("ignored {flags}: {}", keys.join(", ")))
            .collect();
        let note = (!ignored.is_empty()).then(|| format!("{}: {}", path.display(), ignored.join("; ")));
        let is_given =
            |arg: &Arg| given.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine);
        let is_overruled = |arg: &Arg| {
            own.get_arguments().any(|other| is_given(other) && (other == arg || conflict(own, arg, other)))
        };
        let open: Vec<Given> = read.given.into_iter().filter(|given| !is_overruled(given.arg)).collect();
        check_conflicts(path, own, &places(&open))?;

        let at = words.iter().position(|word| word == name).map_or(words.len(), |index| index + 1);
        let config = Some(path.clone());
        let mut words = words;
        words.splice(at..at, open.iter().flat_map(Given::words));
        let lines = open.iter().map(|given| (given.key().to_owned(), given.line)).collect();
        Ok(CommandLine { words, config, lines, note })
    }
}

/// Checks `text`, a file of flags for `train`.
#[cfg(any(test, fuzzing))]
pub(crate) fn check(text: &str) -> Result<()> {
    thread_local! {
        /// Making it takes longer than a check.
        static TRAIN: Command = super::command().find_subcommand("train").expect("a command").clone();
    }
    let path = Path::new("flags.toml");
    TRAIN.with(|train| {
        let read = file::contents(path, text, train, &[])?;
        check_conflicts(path, train, &places(&read.given))
    })
}

/// `true` if the two flags conflict.
fn conflict(command: &Command, one: &Arg, other: &Arg) -> bool {
    command.get_arg_conflicts_with(one).contains(&other)
        || command.get_arg_conflicts_with(other).contains(&one)
}

/// Flags that `given` gives at least once, with their lines.
pub(super) fn places<'a>(given: &[Given<'a>]) -> Vec<(&'a Arg, usize)> {
    let said = given.iter().filter(|given| given.words().next().is_some());
    said.map(|given| (given.arg, given.line)).collect()
}

/// Checks that no two flags of the file at `path`, each with its line, conflict.
///
/// # Errors
/// [`Error::Usage`] about the later one.
pub(super) fn check_conflicts(path: &Path, command: &Command, places: &[(&Arg, usize)]) -> Result<()> {
    for (index, &(later, line)) in places.iter().enumerate() {
        let earlier = places[..index].iter().find(|(other, _)| conflict(command, other, later));
        if let Some((earlier, before)) = earlier {
            let [later, earlier] = [later, earlier].map(|arg| key(arg).unwrap_or_default());
            let problem = format!("found {later} beside {earlier} of line {before}, expected one of the two");
            return Err(wrong(path, Some(line), &problem));
        }
    }
    Ok(())
}

/// `error` with the place in the file at `path` of the flag that it is about, if `lines` has it.
pub(super) fn located(error: Error, path: &Path, lines: &Lines) -> Error {
    let Error::Usage { setting, problem } = error else { return error };
    match lines.get(setting_flags::flag(setting).trim_start_matches("--")) {
        Some(line) => Error::usage(setting, format!("in {}, line {line}: {problem}", path.display())),
        None => Error::Usage { setting, problem },
    }
}

/// Key of `arg` in a file; positional arguments and flags such as --help have none.
fn key(arg: &Arg) -> Option<&str> {
    let sets = matches!(arg.get_action(), ArgAction::Set | ArgAction::Append);
    arg.get_long().filter(|long| sets && *long != CONFIG)
}

/// Error about the file at `path`, in `line` if given.
pub(super) fn wrong(path: &Path, line: Option<usize>, problem: &str) -> Error {
    let line = line.map(|line| format!(" line {line}:")).unwrap_or_default();
    Error::usage(Setting::Config, format!("{}:{line} {problem}", path.display()))
}
