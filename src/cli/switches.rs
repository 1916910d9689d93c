use clap::builder::ValueParser;
use clap::{Arg, ArgAction, Command};

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
