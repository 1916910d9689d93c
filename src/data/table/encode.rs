use std::collections::BTreeMap;

use super::column::{Cell, Column, TargetColumns, class_name};
use super::file::TableFile;
use super::place::Place;
use crate::data::npz::{Array, Values, shown, some_of};
use crate::memory::check_host_room;
use crate::words::{both, counted};
use crate::{Error, Result, Setting};

/// A table as numbers.
pub struct Encoded {
    /// Features, `[rows, features]`, with NaN for missing numbers.
    pub inputs: Array,
    /// Targets, `[rows]` or `[rows, columns]`, if they were asked for: class labels, or numbers.
    pub targets: Option<Array>,
    /// A line about each column of categories with cells that are none of them.
    pub notes: Vec<String>,
}

/// Cells of a column that hold none of its categories.
#[derive(Default)]
struct Outside {
    empty: usize,
    unknown: usize,
    /// The first unknown text.
    first: String,
}

impl Outside {
    fn add(&mut self, text: &str) {
        if Cell::of(text) == Cell::Missing {
            self.empty += 1;
            return;
        }
        if self.unknown == 0 {
            text.clone_into(&mut self.first);
        }
        self.unknown += 1;
    }

    fn note(&self, table: &TableFile, name: &str) -> String {
        let empty = (self.empty > 0).then(|| counted(self.empty, "empty cell"));
        let unknown = (self.unknown > 0).then(|| {
            format!(
                "{} with a text that no training sample had, such as '{}'",
                counted(self.unknown, "cell"),
                shown(&self.first)
            )
        });
        let cells = empty.into_iter().chain(unknown);
        format!(
            "{}: column {} has {}: all of its features are 0 there",
            table.path().display(),
            shown(name),
            both(cells)
        )
    }
}

/// Encodes `columns` of `table`, which has so many `rows`, and `targets`, if given.
///
/// # Errors
/// [`Error::File`] if the table has no such column, for a text where a number is expected, and for a missing or unknown target;
/// [`Error::DoesNotFit`] if the host has no room.
pub fn encode(
    table: &TableFile,
    rows: usize,
    columns: &[Column],
    targets: Option<&TargetColumns>,
) -> Result<Encoded> {
    let at = |name: &String| table.position(name).ok_or_else(|| no_column(table, name));
    let places = columns.iter().map(|column| at(&column.name)).collect::<Result<Vec<_>>>()?;
    let names = targets.map_or(&[][..], |targets| &targets.names);
    let target_places = names.iter().map(at).collect::<Result<Vec<_>>>()?;
    let labels = targets.map(TargetColumns::labels).unwrap_or_default();
    let features: usize = columns.iter().map(Column::features).sum();
    if rows == 0 {
        return Err(Error::file(table.path(), "has no row below the names of its columns, expected samples"));
    }
    // As f64, and then as f32.
    let remedy = format!("save it as a .npy file of float32 and use {}", Setting::MapData.with(true));
    check_host_room("cells of the table", 12 * (rows * features) as u64, &remedy)?;

    let mut inputs = Vec::with_capacity(rows * features);
    let mut outside: BTreeMap<&str, Outside> = BTreeMap::new();
    let (mut classes, mut numbers) = (Vec::new(), Vec::new());
    table.each_row(|at, row| {
        for (column, &place) in columns.iter().zip(&places) {
            let text = &row[place];
            if column.categories.is_empty() {
                inputs.push(number(table, &column.name, at, text)?);
                continue;
            }
            let start = inputs.len();
            inputs.resize(start + column.categories.len(), 0.0);
            match column.category(text) {
                Some(category) => inputs[start + category] = 1.0,
                None => outside.entry(&column.name).or_default().add(text),
            }
        }
        for (name, &place) in names.iter().zip(&target_places) {
            if labels.is_empty() {
                numbers.push(target(table, name, at, &row[place])?);
            } else {
                classes.push(label(table, name, at, &row[place], &labels)?);
            }
        }
        Ok(())
    })?;
    let target_values = if labels.is_empty() { Values::F64(numbers) } else { Values::I64(classes) };
    let shape = if names.len() == 1 { vec![rows] } else { vec![rows, names.len()] };
    let notes = outside.into_iter().map(|(name, outside)| outside.note(table, name));
    Ok(Encoded {
        inputs: Array { shape: vec![rows, features], values: Values::F64(inputs) },
        targets: targets.map(|_| Array { shape, values: target_values }),
        notes: notes.collect(),
    })
}

fn no_column(table: &TableFile, name: &str) -> Error {
    Error::file(table.path(), format!("has no column {}; it has {}", shown(name), named(table)))
}

/// The first few names of columns, for messages.
pub fn named(table: &TableFile) -> String {
    some_of(&table.names().iter().map(|name| shown(name)).collect::<Vec<_>>())
}

fn number(table: &TableFile, name: &str, place: Place, text: &str) -> Result<f64> {
    match Cell::of(text) {
        Cell::Number(number) => Ok(number),
        Cell::Missing => Ok(f64::NAN),
        Cell::Text(text) => Err(cell_error(table, name, place, text, "a number, as in the training samples")),
    }
}

fn target(table: &TableFile, name: &str, place: Place, text: &str) -> Result<f64> {
    match Cell::of(text) {
        Cell::Number(number) => Ok(number),
        Cell::Missing | Cell::Text(_) => Err(cell_error(table, name, place, text, "a number as the target")),
    }
}

fn label(
    table: &TableFile,
    name: &str,
    place: Place,
    text: &str,
    labels: &BTreeMap<String, u32>,
) -> Result<i64> {
    let found = class_name(text).and_then(|class| labels.get(&class));
    let expected = || {
        let classes: Vec<_> = labels.keys().map(|class| shown(class)).collect();
        format!("one of the classes {}", some_of(&classes))
    };
    found.map(|&label| label.into()).ok_or_else(|| cell_error(table, name, place, text, &expected()))
}

fn cell_error(table: &TableFile, name: &str, place: Place, text: &str, expected: &str) -> Error {
    let found = if text.is_empty() { "nothing".to_owned() } else { format!("'{}'", shown(text)) };
    let problem = format!(
        "column {}: holds {found} in {place}, expected {expected}; correct or remove it",
        shown(name)
    );
    Error::file(table.path(), problem)
}
