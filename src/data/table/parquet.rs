//! Parquet files, whose values become the cells that a text would have.

use std::fs::File;
use std::path::Path;

use csv::StringRecord;
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;

use super::place::Place;
use crate::file;
use crate::words::counted;
use crate::{Error, Result};

/// Ending of the names of such files.
pub const ENDING: &str = "parquet";
/// Column in which pandas keeps the index of a table, which is no feature.
const INDEX: &str = "__index_level_0__";

/// Names of the columns of the file at `path`.
///
/// # Errors
/// [`Error::File`] if it is no regular file or no Parquet file.
pub fn names(path: &Path) -> Result<Vec<String>> {
    Ok(names_in(&open(path)?).filter(|name| *name != INDEX).map(str::to_owned).collect())
}

/// Number of rows of the file at `path`.
///
/// # Errors
/// As [`names`].
pub fn rows(path: &Path) -> Result<usize> {
    let rows = open(path)?.metadata().file_metadata().num_rows();
    usize::try_from(rows).map_err(|_| malformed(path, &format!("it declares {}", counted(rows, "row"))))
}

/// Passes each row to `visit` as the cells of a text: empty for a missing value, and 0 or 1 for a Boolean.
///
/// # Errors
/// [`Error::File`] if the file is damaged, and those of `visit`.
pub fn each_row(path: &Path, mut visit: impl FnMut(Place, &StringRecord) -> Result<()>) -> Result<()> {
    let unread = |error: ParquetError| malformed(path, &error.to_string());
    let reader = open(path)?;
    let is_kept: Vec<bool> = names_in(&reader).map(|name| name != INDEX).collect();
    let mut record = StringRecord::new();
    for (number, row) in (1..).zip(reader.get_row_iter(None).map_err(unread)?) {
        record.clear();
        for ((_, field), _) in
            row.map_err(unread)?.get_column_iter().zip(&is_kept).filter(|(_, is_kept)| **is_kept)
        {
            record.push_field(cell(field).trim());
        }
        visit(Place::Row(number), &record)?;
    }
    Ok(())
}

fn open(path: &Path) -> Result<SerializedFileReader<File>> {
    SerializedFileReader::new(file::open(path)?).map_err(|error| malformed(path, &error.to_string()))
}

fn names_in(reader: &SerializedFileReader<File>) -> impl Iterator<Item = &str> {
    reader.metadata().file_metadata().schema().get_fields().iter().map(|field| field.name())
}

fn cell(field: &Field) -> String {
    match field {
        Field::Null => String::new(),
        Field::Bool(is_true) => u8::from(*is_true).to_string(),
        Field::Str(text) => text.clone(),
        other => other.to_string(),
    }
}

fn malformed(path: &Path, problem: &str) -> Error {
    let problem =
        format!("cannot be read as a Parquet file: {problem}; write it again, for example with pandas");
    Error::file(path, problem)
}
