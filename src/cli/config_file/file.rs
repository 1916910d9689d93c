use std::ffi::OsString;
use std::path::Path;

use clap::{Arg, ArgAction, Command};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{CONFIG, NOT_SHARED, key, wrong};
use crate::model::nearest;
use crate::{Error, Result};

/// Longest file of flags.
const MOST_BYTES: u64 = 1 << 20;

/// A flag in a file.
pub(in crate::cli) struct Given<'a> {
    pub arg: &'a Arg,
    pub line: usize,
    /// A value each time the flag is given.
    values: Vec<String>,
}

/// Contents of a file.
pub(in crate::cli) struct Contents<'a> {
    pub given: Vec<Given<'a>>,
    /// Keys that are flags of other commands only.
    pub passed_over: Vec<PassedOver>,
    /// Keys among [`NOT_SHARED`].
    pub not_shared: Vec<String>,
}

/// A key in a file that is a flag of other commands only.
pub(in crate::cli) struct PassedOver {
    pub key: String,
    pub line: usize,
    /// `true` if it has the value that the flag has by default.
    pub is_default: bool,
}

impl Given<'_> {
    pub fn key(&self) -> &str {
        key(self.arg).unwrap_or_default()
    }

    /// The flag as words of a command line.
    pub fn words(&self) -> impl Iterator<Item = OsString> {
        self.values.iter().map(|value| format!("--{}={value}", self.key()).into())
    }
}

/// Text of the file at `path`.
///
/// # Errors
/// [`crate::Error::Usage`] if it cannot be read or is too long.
pub(in crate::cli) fn read(path: &Path) -> Result<String> {
    crate::file::read_text(path, MOST_BYTES).map_err(|error| match error {
        Error::File { problem, .. } => wrong(path, None, &problem),
        other => other,
    })
}

/// Flags in `text`, the file at `path`, for command `own`; `others` are commands that may share the file.
///
/// # Errors
/// [`crate::Error::Usage`] for the first line that is not TOML, not a flag of any command, or an invalid value.
pub(super) fn contents<'a>(
    path: &Path,
    text: &str,
    own: &'a Command,
    others: &[&Command],
) -> Result<Contents<'a>> {
    flags(path, &parsed(path, text)?, own, others)
}

/// A file with its text, for the lines of its keys.
pub(in crate::cli) struct Document<'t> {
    pub table: DeTable<'t>,
    text: &'t str,
}

impl Document<'_> {
    /// Line of the byte at `offset`, from 1.
    pub fn line(&self, offset: usize) -> usize {
        line(self.text, offset)
    }

    /// Keys and values of `table`, which is in the document, in the order of their lines, with these.
    pub fn entries<'s, 't>(&self, table: &'s DeTable<'t>) -> Vec<(usize, &'s str, &'s DeValue<'t>)> {
        let mut pairs: Vec<_> = table.iter().collect();
        pairs.sort_by_key(|(name, _)| name.span().start);
        let entry = |(name, value): (&'s Spanned<_>, &'s Spanned<DeValue<'t>>)| {
            let text: &std::borrow::Cow<str> = name.get_ref();
            (line(self.text, name.span().start), text.as_ref(), value.get_ref())
        };
        pairs.into_iter().map(entry).collect()
    }
}

/// Line of the byte at `offset`, from 1.
fn line(text: &str, offset: usize) -> usize {
    1 + text.as_bytes()[..offset.min(text.len())].iter().filter(|&&b| b == b'\n').count()
}

/// `text`, the file at `path`, as TOML.
///
/// # Errors
/// [`crate::Error::Usage`] for the first line that is not.
pub(in crate::cli) fn parsed<'t>(path: &Path, text: &'t str) -> Result<Document<'t>> {
    let table = DeTable::parse(text).map_err(|error| {
        let problem = format!("is not TOML: {}", error.message().replace('\n', ", "));
        wrong(path, error.span().map(|span| line(text, span.start)), &problem)
    })?;
    Ok(Document { table: table.into_inner(), text })
}

/// As [`contents`], of a parsed file.
///
/// # Errors
/// [`crate::Error::Usage`] for the first line that is not a flag of any command, or an invalid value.
pub(in crate::cli) fn flags<'a>(
    path: &Path,
    document: &Document,
    own: &'a Command,
    others: &[&Command],
) -> Result<Contents<'a>> {
    let mut read = Contents { given: Vec::new(), passed_over: Vec::new(), not_shared: Vec::new() };
    for (line, name, value) in document.entries(&document.table) {
        match find(own, name) {
            Some(_) if NOT_SHARED.contains(&(own.get_name(), name)) => read.not_shared.push(name.to_owned()),
            Some(arg) => {
                let values = values(arg, value)
                    .map_err(|problem| wrong(path, Some(line), &format!("{name}: {problem}")))?;
                read.given.push(Given { arg, line, values });
            }
            None => {
                let Some(arg) = others.iter().find_map(|other| find(other, name)) else {
                    return Err(wrong(path, Some(line), &unknown(own, name)));
                };
                let is_default = values(arg, value).is_ok_and(|values| values == arg.get_default_values());
                read.passed_over.push(PassedOver { key: name.to_owned(), line, is_default });
            }
        }
    }
    Ok(read)
}

pub(in crate::cli) fn find<'a>(command: &'a Command, name: &str) -> Option<&'a Arg> {
    command.get_arguments().find(|arg| key(arg) == Some(name))
}

pub(in crate::cli) fn unknown(command: &Command, name: &str) -> String {
    if name == CONFIG {
        return "config: found a file in a file, expected the flags themselves".to_owned();
    }
    let names: Vec<_> = command.get_arguments().filter_map(key).collect();
    let hint = match nearest(&names, name.trim_start_matches('-')) {
        Some(near) => format!("did you mean {near}?"),
        None => format!("see ckpt-gpu {} --help", command.get_name()),
    };
    format!("found key '{name}', expected a flag's long name without its dashes; {hint}")
}

/// `value` as values of `arg`.
fn values(arg: &Arg, value: &DeValue) -> Result<Vec<String>, String> {
    let values = match (arg.get_action(), value) {
        (ArgAction::Append, DeValue::Array(items)) => {
            items.iter().map(Spanned::get_ref).map(|item| scalar(arg, item)).collect::<Result<Vec<_>, _>>()?
        }
        (_, value) => vec![scalar(arg, value)?],
    };
    values.iter().try_for_each(|value| super::key::check(arg, value)).map(|()| values)
}

pub(in crate::cli) fn scalar(arg: &Arg, value: &DeValue) -> Result<String, String> {
    let expected = if super::key::is_text(arg) {
        "a string"
    } else if super::key::is_truth(arg) {
        "true or false"
    } else {
        "a number or a string"
    };
    let is_fitting = match value {
        DeValue::String(_) => !super::key::is_truth(arg),
        DeValue::Boolean(_) => super::key::takes_truth(arg),
        DeValue::Integer(_) | DeValue::Float(_) => expected == "a number or a string",
        DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => false,
    };
    match value {
        DeValue::String(text) if is_fitting => Ok(text.to_string()),
        DeValue::Boolean(is_true) if is_fitting => Ok(is_true.to_string()),
        DeValue::Integer(number) if is_fitting => match i128::from_str_radix(number.as_str(), number.radix())
        {
            Ok(number) => Ok(number.to_string()),
            Err(_) => Ok(number.as_str().to_owned()),
        },
        DeValue::Float(number) if is_fitting => Ok(number.as_str().to_owned()),
        other => {
            let names: Vec<_> =
                arg.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
            let expected = if names.is_empty() || super::key::is_truth(arg) {
                expected.to_owned()
            } else {
                format!("one of: {}", names.join(", "))
            };
            let or_several =
                if matches!(arg.get_action(), ArgAction::Append) { ", or an array of these" } else { "" };
            Err(format!("found {}, expected {expected}{or_several}", kind(other)))
        }
    }
}

/// Description of a value.
pub(in crate::cli) fn kind(value: &DeValue) -> String {
    match value {
        DeValue::String(text) => format!("the string '{text}'"),
        DeValue::Integer(number) => format!("the number {number}"),
        DeValue::Float(number) => format!("the number {number}"),
        DeValue::Boolean(is_true) => format!("{is_true}"),
        DeValue::Datetime(date) => format!("the date {date}"),
        DeValue::Array(_) => "an array".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}
