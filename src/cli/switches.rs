use std::ffi::OsString;

use clap::builder::ValueParser;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, Command, Error};

use super::config_file::check_value;

/// `command` with switches that take a value, too, so that `--layer-norm=false` overrides a file.
pub(super) fn with_values(command: Command) -> Command {
    let names: Vec<_> = command.get_subcommands().map(|inner| inner.get_name().to_owned()).collect();
    let command = names.into_iter().fold(command, |command, name| command.mut_subcommand(name, with_values));
    command.mut_args(|arg| if matches!(arg.get_action(), ArgAction::SetTrue) { with_value(arg) } else { arg })
}

fn with_value(arg: Arg) -> Arg {
    arg.action(ArgAction::Set)
        .value_parser(ValueParser::bool())
        .num_args(0..=1)
        .require_equals(true)
        .default_missing_value("true")
        .default_value("false")
        .value_name("BOOL")
        .hide_default_value(true)
        .hide_possible_values(true)
}

/// Adds a tip to an `error` about a word too many, where a value of a flag that takes it after an equals sign stands behind the
/// flag.
pub(super) fn suggest_equals(error: &mut Error, command: &Command, words: &[OsString]) {
    let mut given = words.iter().filter_map(|word| word.to_str());
    let Some(command) = given.find_map(|word| command.find_subcommand(word)) else { return };
    if error.kind() != ErrorKind::UnknownArgument {
        return;
    }
    let takes = |name: &str, value: &str| {
        let flag = command.get_arguments().find(|arg| arg.get_long() == Some(name));
        flag.is_some_and(|arg| arg.is_require_equals_set() && check_value(arg, value).is_ok())
    };
    let tips = words.windows(2).filter_map(|pair| {
        let [name, value] = [pair[0].to_str()?.strip_prefix("--")?, pair[1].to_str()?];
        takes(name, value).then(|| format!("to give '--{name}' a value, write '--{name}={value}'").into())
    });
    let tips: Vec<_> = tips.collect();
    if !tips.is_empty() {
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(tips));
    }
}
