use std::any::TypeId;
use std::error::Error as _;
use std::num::ParseFloatError;
use std::path::PathBuf;

use clap::error::{ContextKind, ContextValue};
use clap::{Arg, Command};

use crate::report::ReportFile;

/// `true` if `arg` takes text, even text that looks like a number.
pub(super) fn is_text(arg: &Arg) -> bool {
    let taken = arg.get_value_parser().type_id();
    [TypeId::of::<String>(), TypeId::of::<PathBuf>(), TypeId::of::<ReportFile>()]
        .iter()
        .any(|&text| taken == text)
}

/// `true` if `arg` takes a Boolean.
pub(super) fn is_truth(arg: &Arg) -> bool {
    arg.get_value_parser().type_id() == TypeId::of::<bool>()
}

/// `true` if `arg` takes a Boolean, or words beside.
pub(super) fn takes_truth(arg: &Arg) -> bool {
    arg.get_possible_values().iter().any(|value| value.get_name() == "true")
}

/// Validates `value` as one of `arg`'s by clap.
pub(in crate::cli) fn check(arg: &Arg, value: &str) -> Result<(), String> {
    let alone = Arg::new("value").value_parser(arg.get_value_parser().clone()).allow_hyphen_values(true);
    let alone = match arg.get_value_delimiter() {
        Some(delimiter) => alone.value_delimiter(delimiter),
        None => alone,
    };
    let command =
        Command::new("value").no_binary_name(true).disable_help_flag(true).arg(alone.required(true));
    let Err(error) = command.try_get_matches_from(["--", value]) else { return Ok(()) };
    let found = match error.get(ContextKind::InvalidValue) {
        Some(ContextValue::String(part)) => part.as_str(),
        _ => value,
    };
    let said = match (error.source(), error.get(ContextKind::ValidValue)) {
        (Some(source), _) if source.is::<ParseFloatError>() => "expected a number".to_owned(),
        (Some(source), _) => source.to_string(),
        (None, Some(ContextValue::Strings(names))) if !names.is_empty() => {
            format!("expected one of: {}", names.join(", "))
        }
        (None, _) => "expected something".to_owned(),
    };
    Err(if said.starts_with("found") { said } else { format!("found '{found}', {said}") })
}
