use std::path::{Path, PathBuf};

use super::divided;
use super::layout::Names;
use super::options::{Conversion, LoadOptions};
use super::read::Read;
use super::splits::{CommonKind, Splits, weighted};
use crate::data::dataset::EvaluatedOn;
use crate::data::npz::{shown, some_of};
use crate::data::preprocessing::Preprocessing;
use crate::data::split::Split;
use crate::data::table::{Column, Encoded, Survey, TableFile, TargetColumns, encode, named, survey};
use crate::data::targets::TargetKind;
use crate::file;
use crate::{Error, Result, Setting};

/// Names, without their endings, of the tables in a directory: training split, validation split and test split.
const NAMES: [&[&str]; 3] = [&["train"], &["validation", "valid", "val"], &["test"]];
/// Usual names of a column of targets, in lower case.
const TARGETS: [&str; 4] = ["target", "label", "class", "y"];
/// What messages call the features of a table.
const FEATURES: &str = "columns";

/// A table, or several: for training, validation and tests.
pub(super) struct Tables {
    train: TableFile,
    validation: Option<TableFile>,
    test: Option<TableFile>,
}

impl Tables {
    /// The table at `path`, or the tables `train` and `test` in a directory; `None` if there are none.
    ///
    /// # Errors
    /// As [`TableFile::open`].
    pub fn find(path: &Path) -> Result<Option<Tables>> {
        if !path.is_dir() {
            let table = TableFile::is_table(path).then(|| TableFile::open(path)).transpose()?;
            return Ok(table.map(|train| Tables { train, validation: None, test: None }));
        }
        let entries = path.read_dir().map_err(|error| file::unopened(path, &error))?;
        let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        files.sort_unstable();
        let [train, validation, test] = NAMES.map(|names| {
            let is_named = |file: &&PathBuf| {
                file.file_stem().is_some_and(|stem| names.iter().any(|name| stem.eq_ignore_ascii_case(name)))
            };
            files.iter().filter(is_named).find(|file| TableFile::is_table(file))
        });
        let Some(train) = train else {
            let has_arrays = |file: &PathBuf| {
                let name = file.file_name().unwrap_or_default().to_string_lossy();
                name.ends_with(".npy") || name.contains("-ubyte") || name == "raw"
            };
            return match files.iter().find(|file| TableFile::is_table(file)) {
                Some(table) if !files.iter().any(has_arrays) => {
                    let name = table.file_name().unwrap_or_default().to_string_lossy();
                    let problem = format!(
                        "holds {}, expected train.csv, and test.csv if there is one; name the file itself",
                        shown(&name)
                    );
                    Err(Error::file(path, problem))
                }
                _ => Ok(None),
            };
        };
        let open = |file: Option<&PathBuf>| file.map(|file| TableFile::open(file)).transpose();
        Ok(Some(Tables { train: TableFile::open(train)?, validation: open(validation)?, test: open(test)? }))
    }

    /// Encodes all tables by the columns of the first.
    pub fn splits(
        self,
        options: &LoadOptions,
        conversion: Conversion,
        notes: &mut Vec<String>,
    ) -> Result<Splits> {
        let Tables { train, validation, test } = self;
        let targets = target_names(&train, options, notes)?;
        let surveys = survey(&train)?;
        check_weights(&train, &targets, options)?;
        let left_out = [&options.drop[..], options.weight_key.as_slice()].concat();
        let columns = columns(&train, &surveys, &targets, &left_out, conversion, notes)?;
        let rows = surveys.first().map_or(0, Survey::rows);
        let weights = options.weight_key.as_ref().map(|name| {
            let column = Column { name: name.clone(), categories: Vec::new() };
            Ok::<_, Error>((encode(&train, rows, &[column], None)?.inputs, name, train.path().to_owned()))
        });
        let weights = weights.transpose()?;
        let (targets, kind) = target_columns(&train, &surveys, targets, options)?;
        let mut used = |table: Option<TableFile>, is_passed_over: bool| {
            let table = table?;
            let missing = targets.names.iter().find(|name| table.position(name).is_none());
            let problem = match missing {
                _ if is_passed_over => {
                    "is not used, as a share of the training samples is held out".to_owned()
                }
                Some(missing) => format!("is not used, as it has no column {}", shown(missing)),
                None => return Some(table),
            };
            notes.push(format!("{} {problem}", table.path().display()));
            None
        };
        let others = [used(validation, options.share().is_some()), used(test, false)];
        let mut read = |table: &TableFile, rows| {
            let read = read(table, rows, &columns, Some(&targets), conversion, notes)?;
            Ok::<_, Error>((read, table.path().to_owned()))
        };
        // The survey has counted them.
        let train = read(&train, rows)?;
        let mut other = |table: &TableFile| read(table, table.rows()?);
        let [validation, test] = others.map(|table| table.as_ref().map(&mut other).transpose());
        let others = [validation?, test?];
        let all = std::iter::once(&train).chain(others.iter().flatten());
        let common = CommonKind::of(kind, all.clone().map(|(read, _)| read));
        if common.are_numbers() {
            notes.extend(all.filter_map(|(read, path)| read.target_note(path)));
        }
        let (mut train, [validation, test]) = common.splits(train, others)?;
        if let Some((weights, name, path)) = weights {
            train = weighted(train, weights, name, &path)?;
        }
        let TargetColumns { names, classes } = targets;
        Ok(Splits { train, validation, test, columns, targets: names, classes })
    }

    /// The samples to evaluate a trained network on: those of the test table, or else of the validation table, unless samples
    /// of the training table are held out; with targets if it `needs_targets`. Also returns which split they are; `None` for
    /// all samples.
    pub fn evaluated(
        self,
        options: &LoadOptions,
        conversion: Conversion,
        preprocessing: &Preprocessing,
        needs_targets: bool,
        notes: &mut Vec<String>,
    ) -> Result<(Split, Option<EvaluatedOn>)> {
        let share = options.share();
        let Tables { train, validation, test } = self;
        let (table, of) = match (share, test, validation) {
            (None, Some(test), _) => (test, Some(EvaluatedOn::Test)),
            (None, None, Some(validation)) => (validation, Some(EvaluatedOn::Validation)),
            (None, None, None) => (train, None),
            (Some(_), ..) => (train, Some(EvaluatedOn::Validation)),
        };
        let names = match &options.target {
            Some(target) => split_names(&table, target),
            None => usual_target(&table).into_iter().collect(),
        };
        if needs_targets {
            if let Some(missing) = names.iter().find(|name| table.position(name).is_none()) {
                let problem = format!(
                    "has no column {}, which holds the targets; name another with {}, or predict without them",
                    shown(missing),
                    Setting::Target
                );
                return Err(Error::file(table.path(), problem));
            }
            if names.is_empty() {
                return Err(no_target(&table, "has no column with a usual name of targets"));
            }
        }
        let columns = match &preprocessing.columns[..] {
            // The network was trained on arrays, so that all columns are features, in their order.
            [] => columns(&table, &survey(&table)?, &names, &[], conversion, notes)?,
            columns => {
                unused(&table, columns, &names, notes);
                columns.to_vec()
            }
        };
        let kind = if preprocessing.classes.is_empty() { options.targets } else { TargetKind::Classes };
        let targets = TargetColumns { names, classes: preprocessing.classes.clone() };
        let targets = Some(&targets).filter(|_| needs_targets);
        let read = read(&table, table.rows()?, &columns, targets, conversion, notes)?;
        let common = CommonKind::of(kind, std::iter::once(&read));
        if common.are_numbers() {
            notes.extend(read.target_note(table.path()));
        }
        let split = common.split(read, table.path())?;
        let split = match share {
            Some(_) => divided(table.path(), split, [None, None], options, notes)?.data.test,
            None => split,
        };
        Ok((split, of))
    }
}

/// Inputs and targets of `table`, which has so many `rows`.
fn read(
    table: &TableFile,
    rows: usize,
    columns: &[Column],
    targets: Option<&TargetColumns>,
    conversion: Conversion,
    notes: &mut Vec<String>,
) -> Result<Read> {
    let features = Column::feature_names(columns);
    let Encoded { inputs, targets: values, notes: unknown } = encode(table, rows, columns, targets)?;
    notes.extend(unknown);
    let names = targets.map_or(&[][..], |targets| &targets.names);
    let array_names = Names { x: FEATURES.to_owned(), y: names.join(",") };
    let read = Read::of_table(table.path(), array_names, inputs, values, &features, conversion)?;
    notes.extend(read.note(table.path(), &features));
    Ok(read)
}

/// Names of the columns of targets.
fn target_names(table: &TableFile, options: &LoadOptions, notes: &mut Vec<String>) -> Result<Vec<String>> {
    let Some(given) = &options.target else {
        let usual = usual_target(table)
            .ok_or_else(|| no_target(table, "has no column with a usual name of targets"))?;
        let source = table.path().display();
        notes.push(format!(
            "{source}: column {} holds the targets; {} names another",
            shown(&usual),
            Setting::Target
        ));
        return Ok(vec![usual]);
    };
    let names = split_names(table, given);
    if names.iter().any(String::is_empty) {
        let problem = format!("found '{}', expected names of columns with commas between them", shown(given));
        return Err(Error::usage(Setting::Target, problem));
    }
    if let Some(twice) = names.iter().enumerate().find(|(index, name)| names[..*index].contains(name)) {
        let problem = format!("found {} twice, expected each column once", shown(twice.1));
        return Err(Error::usage(Setting::Target, problem));
    }
    match names.iter().find(|name| table.position(name).is_none()) {
        Some(missing) => Err(no_target(table, &format!("has no column {}", shown(missing)))),
        None => Ok(names),
    }
}

/// `given` as the name of one column, or else of several with commas between them.
fn split_names(table: &TableFile, given: &str) -> Vec<String> {
    match table.position(given) {
        Some(_) => vec![given.to_owned()],
        None => given.split(',').map(|name| name.trim().to_owned()).collect(),
    }
}

/// The column with a usual name of targets.
fn usual_target(table: &TableFile) -> Option<String> {
    let named = |target: &str| table.names().iter().find(|name| name.eq_ignore_ascii_case(target));
    TARGETS.into_iter().find_map(named).cloned()
}

fn no_target(table: &TableFile, problem: &str) -> Error {
    let problem =
        format!("{problem}; name the column of targets with {}: one of {}", Setting::Target, named(table));
    Error::file(table.path(), problem)
}

/// # Errors
/// [`Error::Usage`] if the column of weights is not there, or holds targets.
fn check_weights(table: &TableFile, targets: &[String], options: &LoadOptions) -> Result<()> {
    let Some(name) = &options.weight_key else { return Ok(()) };
    let problem = match table.position(name) {
        None => format!(
            "found {}, expected a column of {}: {}",
            shown(name),
            table.path().display(),
            named(table)
        ),
        Some(_) if targets.contains(name) => {
            format!("found {}, which holds the targets; name another column", shown(name))
        }
        Some(_) => return Ok(()),
    };
    Err(Error::usage(Setting::WeightKey, problem))
}

/// The columns that become features: all but the `targets`, those to drop, and an index without a name.
fn columns(
    table: &TableFile,
    surveys: &[Survey],
    targets: &[String],
    drop: &[String],
    conversion: Conversion,
    notes: &mut Vec<String>,
) -> Result<Vec<Column>> {
    if let Some(unknown) = drop.iter().find(|name| table.position(name).is_none()) {
        let problem = format!(
            "found {}, expected columns of {}: {}",
            shown(unknown),
            table.path().display(),
            named(table)
        );
        return Err(Error::usage(Setting::Drop, problem));
    }
    if let Some(both) = drop.iter().find(|name| targets.contains(name)) {
        let problem =
            format!("found {}, which {} names, too; name it in one of the two", shown(both), Setting::Target);
        return Err(Error::usage(Setting::Drop, problem));
    }
    let source = table.path().display();
    if table.names()[0].is_empty() {
        notes.push(format!("{source}: the first column has no name, and is left out as an index of rows"));
    }
    let mut columns = Vec::new();
    let mut encoded = Vec::new();
    for (name, survey) in table.names().iter().zip(surveys) {
        if name.is_empty() || targets.contains(name) || drop.contains(name) {
            continue;
        }
        let categories = match survey.categories() {
            Ok(categories) if categories.is_empty() || conversion.is_training => categories,
            Ok(_) => {
                let problem =
                    format!("column {}: holds texts, and the network was trained on numbers", shown(name));
                return Err(Error::file(table.path(), problem));
            }
            Err(problem) => {
                let problem = format!("column {}: {problem}", shown(name));
                return Err(Error::file(table.path(), problem));
            }
        };
        if !categories.is_empty() {
            encoded.push(format!("{} ({})", shown(name), categories.len()));
        }
        columns.push(Column { name: name.clone(), categories });
    }
    if columns.is_empty() {
        return Err(Error::file(table.path(), "has no column of features beside the targets, expected some"));
    }
    if !encoded.is_empty() {
        notes.push(format!("{source}: one-hot encoded, with so many categories: {}", some_of(&encoded)));
    }
    Ok(columns)
}

/// Notes the columns of `table` that a trained network does not read.
fn unused(table: &TableFile, columns: &[Column], targets: &[String], notes: &mut Vec<String>) {
    let is_used =
        |name: &&String| columns.iter().any(|column| column.name == **name) || targets.contains(name);
    let unused: Vec<_> = table
        .names()
        .iter()
        .filter(|name| !is_used(name) && !name.is_empty())
        .map(|name| shown(name))
        .collect();
    if !unused.is_empty() {
        notes.push(format!("not used of {}: columns {}", table.path().display(), some_of(&unused)));
    }
}

/// The columns of targets with their classes, and what the targets are.
fn target_columns(
    table: &TableFile,
    surveys: &[Survey],
    names: Vec<String>,
    options: &LoadOptions,
) -> Result<(TargetColumns, TargetKind)> {
    let survey = |name: &String| table.position(name).and_then(|place| surveys.get(place));
    let of_classes = match (&names[..], options.targets) {
        ([_], TargetKind::Classes | TargetKind::ByWidth | TargetKind::ByRows) => true,
        ([name], TargetKind::ByValue) => {
            survey(name).is_some_and(|survey| !survey.has_numbers() || survey.is_binary())
        }
        _ => false,
    };
    let classes = match names.first().filter(|_| of_classes).and_then(|name| Some((name, survey(name)?))) {
        Some((name, survey)) => survey.checked_classes(table, name)?,
        None => Vec::new(),
    };
    let are_of_classes = matches!(options.targets, TargetKind::Classes | TargetKind::ByRows);
    if !of_classes {
        for name in &names {
            survey(name).map_or(Ok(()), |survey| survey.check_numbers(table, name, are_of_classes))?;
        }
    }
    let kind = match (of_classes, names.len()) {
        (true, _) => TargetKind::Classes,
        // Rows of several columns may be one-hot.
        (false, 2..) if are_of_classes => options.targets,
        (false, _) => TargetKind::Numbers,
    };
    Ok((TargetColumns { names, classes }, kind))
}
