use std::path::PathBuf;
use std::str::FromStr;

use clap::builder::{OsStringValueParser, PossibleValue, PossibleValuesParser, TypedValueParser};

use crate::words::either;

/// Parser of a value by its name, which lists the names of `all` with their summaries in help and completions.
pub(super) fn choices<T>(
    all: impl IntoIterator<Item = T>,
    name: fn(T) -> &'static str,
    summary: fn(T) -> &'static str,
) -> impl TypedValueParser<Value = T>
where
    T: FromStr<Err = String> + Copy + Send + Sync + 'static,
{
    let values = all.into_iter().map(|value| PossibleValue::new(name(value)).help(summary(value)));
    PossibleValuesParser::new(values).try_map(|name| name.parse())
}

/// Parser of a path whose name ends in `.` and one of `endings`.
pub(super) fn named(endings: &'static [&'static str]) -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().try_map(move |name| {
        let path = PathBuf::from(name);
        let has = |ending: &&str| path.extension().is_some_and(|found| found.eq_ignore_ascii_case(ending));
        if endings.iter().any(has) {
            return Ok(path);
        }
        let endings = either(endings.iter().map(|ending| format!(".{ending}")));
        Err(format!("expected a name that ends in {endings}"))
    })
}

/// Parser of a whole number.
pub(super) fn count<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| "expected a whole number of at least 0".to_owned())
}
