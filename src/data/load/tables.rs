use std::path::{Path, PathBuf};

use super::layout::Names;
use super::read::Read;
use super::{LoadOptions, Splits, divided};
use crate::data::npz::{shown, some_of};
use crate::data::preprocessing::Preprocessing;
use crate::data::split::Split;
use crate::data::table::{Column, Encoded, Survey, TableFile, TargetColumns, encode, named, survey};
use crate::data::targets::TargetKind;
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
        let entries = path.read_dir().into_iter().flatten().flatten();
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        files.sort_unstable();
        let [train, validation, test] = NAMES.map(|names| {
            let is_named = |file: &&PathBuf| {
                file.file_stem().is_some_and(|stem| names.iter().any(|name| stem.eq_ignore_ascii_case(name)))
            };
            files.iter().filter(is_named).find(|file| TableFile::is_table(file))
        });
        let Some(train) = train else { return Ok(None) };
        let open = |file: Option<&PathBuf>| file.map(|file| TableFile::open(file)).transpose();
        Ok(Some(Tables { train: TableFile::open(train)?, validation: open(validation)?, test: open(test)? }))
    }

    /// Encodes both tables by the columns of the first.
    pub fn splits(self, options: &LoadOptions, notes: &mut Vec<String>) -> Result<Splits> {
        let Tables { train, validation, test } = self;
        // A share that is held out takes its place.
        let validation = validation.filter(|_| options.validation.is_none());
        let targets = target_names(&train, options, notes)?;
        let surveys = survey(&train)?;
        let columns = columns(&train, &surveys, &targets, options, notes)?;
        let (targets, kind) = target_columns(&train, &surveys, targets, options)?;
        let mut split = |table: &TableFile| read(table, &columns, Some(&targets), kind, options, notes);
        let train = split(&train)?;
        let [validation, test] = [validation, test].map(|table| table.as_ref().map(&mut split).transpose());
        let (validation, test) = (validation?, test?);
        let TargetColumns { names, classes } = targets;
        Ok(Splits { train, validation, test, columns, targets: names, classes })
    }

    /// The samples to evaluate a trained network on: those of the test table, if there is one and none of the others are held
    /// out, with targets if `are_needed` or there are some. Also returns whether there are.
    pub fn evaluated(
        self,
        options: &LoadOptions,
        preprocessing: &Preprocessing,
        are_needed: bool,
        share: Option<f64>,
        notes: &mut Vec<String>,
    ) -> Result<(Split, bool)> {
        let table = if share.is_some() { self.train } else { self.test.unwrap_or(self.train) };
        let names = match &options.target {
            Some(target) => split_names(&table, target),
            None => usual_target(&table).into_iter().collect(),
        };
        let missing = names.iter().find(|name| table.position(name).is_none());
        if let Some(missing) = missing.filter(|_| are_needed || share.is_some()) {
            return Err(no_target(&table, &format!("has no column {}", shown(missing))));
        }
        let has_targets = missing.is_none() && !names.is_empty();
        let others = names.iter().filter(|name| table.position(name).is_some()).cloned().collect::<Vec<_>>();
        let columns = match &preprocessing.columns[..] {
            // The network was trained on arrays, so that all columns are features, in their order.
            [] => columns(&table, &survey(&table)?, &others, options, notes)?,
            columns => {
                unused(&table, columns, &others, notes);
                columns.to_vec()
            }
        };
        let (targets, kind) = match &preprocessing.classes[..] {
            _ if !has_targets => (None, options.targets),
            [] => (Some(TargetColumns { names, classes: Vec::new() }), options.targets),
            classes => (Some(TargetColumns { names, classes: classes.to_vec() }), TargetKind::Classes),
        };
        let split = read(&table, &columns, targets.as_ref(), kind, options, notes)?;
        match share {
            Some(_) => {
                let (data, _) = divided(table.path(), split, [None, None], share, options, notes)?;
                Ok((data.test, has_targets))
            }
            None => Ok((split, has_targets)),
        }
    }
}

/// The samples of `table`.
fn read(
    table: &TableFile,
    columns: &[Column],
    targets: Option<&TargetColumns>,
    kind: TargetKind,
    options: &LoadOptions,
    notes: &mut Vec<String>,
) -> Result<Split> {
    let features = Column::feature_names(columns);
    let Encoded { inputs, targets: values, notes: unknown } = encode(table, columns, targets)?;
    notes.extend(unknown);
    let names = targets.map_or(&[][..], |targets| &targets.names);
    let array_names = Names { x: FEATURES.to_owned(), y: names.join(",") };
    let read = Read::of_table(table.path(), array_names, inputs, values, &features, options)?;
    notes.extend(read.note(table.path(), &features));
    read.split(table.path(), kind)
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
    let is_usual = |name: &&String| TARGETS.iter().any(|target| name.eq_ignore_ascii_case(target));
    table.names().iter().find(is_usual).cloned()
}

fn no_target(table: &TableFile, problem: &str) -> Error {
    let problem =
        format!("{problem}; name the column of targets with {}: one of {}", Setting::Target, named(table));
    Error::file(table.path(), problem)
}

/// The columns that become features: all but the `targets`, those to drop, and an index without a name.
fn columns(
    table: &TableFile,
    surveys: &[Survey],
    targets: &[String],
    options: &LoadOptions,
    notes: &mut Vec<String>,
) -> Result<Vec<Column>> {
    if let Some(unknown) = options.drop.iter().find(|name| table.position(name).is_none()) {
        let problem = format!(
            "found {}, expected columns of {}: {}",
            shown(unknown),
            table.path().display(),
            named(table)
        );
        return Err(Error::usage(Setting::Drop, problem));
    }
    if let Some(both) = options.drop.iter().find(|name| targets.contains(name)) {
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
        if name.is_empty() || targets.contains(name) || options.drop.contains(name) {
            continue;
        }
        let categories = survey
            .categories()
            .map_err(|problem| Error::file(table.path(), format!("column {}: {problem}", shown(name))))?;
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
        ([_], TargetKind::Classes | TargetKind::ByWidth) => true,
        ([name], TargetKind::ByValue) => {
            survey(name).is_some_and(|survey| !survey.has_numbers() || survey.is_binary())
        }
        _ => false,
    };
    let classes = match names.first().filter(|_| of_classes).and_then(|name| Some((name, survey(name)?))) {
        Some((name, survey)) => survey.checked_classes(table, name)?,
        None => Vec::new(),
    };
    if !of_classes {
        for name in &names {
            survey(name).map_or(Ok(()), |survey| survey.check_numbers(table, name))?;
        }
    }
    let kind = match (of_classes, names.len()) {
        (true, _) => TargetKind::Classes,
        // Rows of several columns may be one-hot.
        (false, 2..) if options.targets == TargetKind::Classes => TargetKind::Classes,
        (false, _) => TargetKind::Numbers,
    };
    Ok((TargetColumns { names, classes }, kind))
}
