//! The file of a sweep: flags of runs, and a table of what varies.

use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, Command};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::sobol::MOST_DIMENSIONS;
use super::space::{Axis, Range, Search, Values, drawn, grid};
use crate::cli::config_file::{self, Lines, check_value, file};
use crate::train::Metric;
use crate::words::both;
use crate::{Error, Result, Setting};

/// The table of what varies.
const TABLE: &str = "sweep";
/// Flags that may not vary, with what to use instead.
const FIXED: [(&str, &str); 2] =
    [("seed", "use seeds"), ("device", "all runs are on one device; set it above the table")];
/// Most runs of a combination, and most trials.
const MOST: u64 = 1 << 20;

/// Contents of a sweep's file.
pub(super) struct Config {
    path: PathBuf,
    /// Lines of all keys.
    lines: Lines,
    /// Flags that all runs share, as words.
    pub shared: Vec<String>,
    /// Flags that vary.
    pub axes: Vec<Axis>,
    /// How values are drawn, and how often; `None` for every combination of lists.
    draws: Option<(Search, u32)>,
    seeds: Seeds,
    pub folds: Option<usize>,
    pub metric: Metric,
}

/// Seeds that each combination is run with.
enum Seeds {
    /// So many, from that of the flags on.
    Count(u64),
    List(Vec<u64>),
}

/// The table, as far as it is read.
#[derive(Default)]
struct Table {
    axes: Vec<Axis>,
    seeds: Option<Seeds>,
    folds: Option<u64>,
    metric: Option<Metric>,
    search: Option<Search>,
    trials: Option<u64>,
}

/// The file at `path`, whose flags are those of `run`, some of the flags of `train`.
///
/// # Errors
/// [`Error::Usage`] for the first line that is wrong.
pub(super) fn read(path: &Path, run: &Command, train: &Command) -> Result<Config> {
    let text = file::read(path).map_err(of_sweep)?;
    let mut document = file::parsed(path, &text).map_err(of_sweep)?;
    let Some(table) = document.table.remove(TABLE) else {
        return Err(wrong(
            path,
            None,
            &format!("found no table [{TABLE}], expected one that says what varies"),
        ));
    };
    let table_line = document.line(table.span().start);
    let DeValue::Table(table) = table.into_inner() else {
        let problem = format!("{TABLE}: found a value, expected a table [{TABLE}]");
        return Err(wrong(path, Some(table_line), &problem));
    };
    let shared = file::flags(path, &document, run, &[train]).map_err(of_sweep)?;
    let entries = document.entries(&table);
    let above = shared.passed_over.iter().filter(|other| !other.is_default);
    let above = above.map(|other| (other.line, &other.key[..]));
    let within = entries.iter().filter(|(_, name, _)| !is_key(name) && file::find(run, name).is_none());
    let within = within.filter(|(_, name, _)| file::find(train, name).is_some());
    let refused: Vec<_> = above.chain(within.map(|&(line, name, _)| (line, name))).collect();
    if let Some((first, _)) = refused.first() {
        let names = both(refused.iter().map(|(line, name)| format!("{name} (line {line})")));
        let problem = format!(
            "found {names}, which train takes and a sweep does not; leave out each, and train the best combination with it"
        );
        return Err(wrong(path, Some(*first), &problem));
    }
    let mut read = Table::default();
    let mut places = config_file::places(&shared.given);
    for &(line, name, value) in &entries {
        let is_shared = shared.given.iter().any(|given| given.key() == name);
        read.take(run, name, value, is_shared)
            .map_err(|problem| wrong(path, Some(line), &format!("{name}: {problem}")))?;
        places.extend(file::find(run, name).map(|arg| (arg, line)));
    }
    config_file::check_conflicts(path, run, &places).map_err(of_sweep)?;
    let lines = shared.given.iter().map(|given| (given.key().to_owned(), given.line));
    let lines = lines.chain(entries.iter().map(|&(line, name, _)| (name.to_owned(), line))).collect();
    let words = shared.given.iter().flat_map(|given| given.words());
    let shared = words.map(|word| word.to_string_lossy().into_owned()).collect();
    let draws = read.draws().map_err(|problem| wrong(path, Some(table_line), &problem))?;
    let folds = read.folds.map(|folds| folds as usize);
    let (seeds, metric) = (read.seeds.unwrap_or(Seeds::Count(1)), read.metric.unwrap_or(Metric::Loss));
    Ok(Config { path: path.to_owned(), lines, shared, axes: read.axes, draws, seeds, folds, metric })
}

/// `true` for the name of a key of the table that is no flag.
fn is_key(name: &str) -> bool {
    ["seeds", "folds", "trials", "metric", "search"].contains(&name)
}

/// Error about the file at `path`, in `line` if given.
fn wrong(path: &Path, line: Option<usize>, problem: &str) -> Error {
    of_sweep(config_file::wrong(path, line, problem))
}

/// An error about a file of flags as one about that of a sweep.
fn of_sweep(error: Error) -> Error {
    match error {
        Error::Usage { setting: Setting::Config, problem } => Error::usage(Setting::Sweep, problem),
        other => other,
    }
}

impl Table {
    /// Takes in a key and its value.
    fn take(&mut self, run: &Command, name: &str, value: &DeValue, is_shared: bool) -> Result<(), String> {
        match name {
            "seeds" => {
                self.seeds = Some(match value {
                    DeValue::Array(items) if !items.is_empty() => {
                        let seeds = items.iter().map(|item| whole(item.get_ref(), 0, u64::MAX));
                        let seeds: Vec<_> = seeds.collect::<Result<_, _>>()?;
                        if let Some(twice) = twice(&seeds) {
                            return Err(format!("found {twice} twice, expected different seeds"));
                        }
                        Seeds::List(seeds)
                    }
                    value => Seeds::Count(whole(value, 1, MOST)?),
                });
            }
            "folds" => self.folds = Some(whole(value, 2, MOST)?),
            "trials" => self.trials = Some(whole(value, 1, MOST)?),
            "metric" => self.metric = Some(text(value)?.parse()?),
            "search" => self.search = Some(text(value)?.parse()?),
            _ => {
                if let Some((_, remedy)) = FIXED.iter().find(|(fixed, _)| *fixed == name) {
                    return Err(format!("does not vary in a sweep; {remedy}"));
                }
                let arg = file::find(run, name).ok_or_else(|| file::unknown(run, name))?;
                if is_shared {
                    return Err("found above the table, too, expected it at one of the two places".to_owned());
                }
                self.axes.push(Axis { name: name.to_owned(), values: values(arg, value)? });
            }
        }
        Ok(())
    }

    /// How values are drawn, if there are ranges.
    fn draws(&self) -> Result<Option<(Search, u32)>, String> {
        let has_ranges = self.axes.iter().any(|axis| matches!(axis.values, Values::Range(_)));
        match (has_ranges, self.trials) {
            (false, None) if self.search.is_none() => Ok(None),
            (false, _) => Err("found trials or search and no range, expected {min, max} for a flag, or neither of them, for \
                               every combination of the lists"
                .to_owned()),
            (true, None) => {
                Err("found ranges and no trials, expected trials = N, the number of combinations to draw".to_owned())
            }
            (true, Some(trials)) => {
                let search = self.search.unwrap_or(Search::Sobol);
                let flags = self.axes.len();
                if search == Search::Sobol && flags > MOST_DIMENSIONS {
                    let remedy = "search = \"random\"";
                    return Err(format!("found {flags} flags that vary, expected at most {MOST_DIMENSIONS}, or {remedy}"));
                }
                Ok(Some((search, trials as u32)))
            }
        }
    }
}

impl Config {
    /// `error` of the run that is called `name`, with this name and the place of the flag that it is about.
    pub fn about(&self, name: &str, error: Error) -> Error {
        let named = |text: String| format!("{text} (in the run with {name})");
        match config_file::located(error, &self.path, &self.lines) {
            Error::Usage { setting: Setting::Sweep, problem } => {
                let problem = format!("{}: {problem}", self.path.display());
                Error::usage(Setting::Sweep, named(problem))
            }
            Error::Usage { setting, problem } => Error::usage(setting, named(problem)),
            Error::File { path, problem } => Error::File { path, problem: named(problem) },
            Error::DoesNotFit(problem) => Error::DoesNotFit(named(problem)),
            Error::OverBudget { budget, least, advice } => {
                Error::OverBudget { budget, least, advice: named(advice) }
            }
            Error::DeviceLost(problem) => Error::DeviceLost(named(problem)),
            other => other,
        }
    }

    /// A value for each of the axes, in each of the combinations. Random values are those of `seed`.
    pub fn combinations(&self, seed: u64) -> Vec<Vec<String>> {
        match self.draws {
            Some((search, trials)) => drawn(&self.axes, search, trials, seed),
            None => grid(&self.axes),
        }
    }

    /// Seeds of each combination, where the flags give `seed`.
    pub fn seeds(&self, seed: u64) -> Vec<u64> {
        match &self.seeds {
            Seeds::Count(count) => (0..*count).map(|index| seed.saturating_add(index)).collect(),
            Seeds::List(seeds) => seeds.clone(),
        }
    }
}

/// `value` as the values that `arg` takes in turn.
fn values(arg: &Arg, value: &DeValue) -> Result<Values, String> {
    match value {
        DeValue::Array(items) if items.is_empty() => Err("found an empty list, expected values".to_owned()),
        DeValue::Array(items) => {
            let scalars: Vec<_> =
                items.iter().map(Spanned::get_ref).map(|item| scalar(arg, item)).collect::<Result<_, _>>()?;
            match twice(&scalars) {
                Some(twice) => Err(format!("found {twice} twice, expected different values")),
                None => Ok(Values::List(scalars)),
            }
        }
        DeValue::Table(table) => range(arg, table).map(Values::Range),
        _ => Err("found one value, expected a list, or {min, max} for a range of numbers".to_owned()),
    }
}

/// A value of `arg` as text that clap accepts.
fn scalar(arg: &Arg, value: &DeValue) -> Result<String, String> {
    if matches!(arg.get_action(), ArgAction::Append) {
        return Err("may be given several times, so that it cannot vary".to_owned());
    }
    let text = file::scalar(arg, value)?;
    check_value(arg, &text).map(|()| text)
}

fn range(arg: &Arg, table: &DeTable) -> Result<Range, String> {
    let mut ends = [None, None];
    let mut is_log = false;
    for (key, value) in table {
        match (key.get_ref().as_ref(), value.get_ref()) {
            ("min", value) => ends[0] = Some(value),
            ("max", value) => ends[1] = Some(value),
            ("log", DeValue::Boolean(is_true)) => is_log = *is_true,
            ("log", _) => return Err("log: expected true or false".to_owned()),
            (other, _) => return Err(format!("found {other}, expected min, max and log")),
        }
    }
    let [Some(min), Some(max)] = ends else {
        return Err("found a range without both ends, expected min and max".to_owned());
    };
    let is_whole = [min, max].iter().all(|end| matches!(end, DeValue::Integer(_)));
    let end = |value: &DeValue| {
        let text = scalar(arg, value)?;
        text.parse().map_err(|_| format!("found {text} as the end of a range, expected a number"))
    };
    let (min, max): (f64, f64) = (end(min)?, end(max)?);
    if !(min.is_finite() && max.is_finite() && min < max) {
        return Err(format!("found a range from {min} to {max}, expected min below max"));
    }
    if is_log && min <= 0.0 {
        return Err(format!("found min = {min}, expected more than 0 for a logarithmic range"));
    }
    Ok(Range { min, max, is_log, is_whole })
}

/// A whole number from `least` to `most`.
fn whole(value: &DeValue, least: u64, most: u64) -> Result<u64, String> {
    let found = match value {
        DeValue::Integer(number) => u64::from_str_radix(number.as_str(), number.radix()).ok(),
        _ => None,
    };
    found.filter(|number| (least..=most).contains(number)).ok_or_else(|| {
        let found = file::kind(value);
        match most {
            u64::MAX => format!("found {found}, expected a whole number of at least {least}"),
            _ => format!("found {found}, expected a whole number from {least} to {most}"),
        }
    })
}

fn text<'a>(value: &'a DeValue) -> Result<&'a str, String> {
    match value {
        DeValue::String(text) => Ok(text),
        other => Err(format!("found {}, expected a string", file::kind(other))),
    }
}

/// The first of `values` that equals one before it.
fn twice<T: PartialEq>(values: &[T]) -> Option<&T> {
    values.iter().enumerate().find(|&(index, value)| values[..index].contains(value)).map(|(_, value)| value)
}
