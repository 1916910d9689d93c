use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use csv::{ErrorKind, Reader, ReaderBuilder, StringRecord, Trim};

use super::column::Cell;
#[cfg(feature = "parquet")]
use super::parquet;
use super::place::Place;
use crate::data::npz::shown;
use crate::file;
use crate::words::counted;
use crate::{Error, Result};

/// Endings of the names of tables.
const COMMAS: &str = "csv";
const TABS: [&str; 2] = ["tsv", "tab"];
/// What separates the cells of a file that ends in `csv`: the one that the header has most of.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// Longest row, and header. A longer one is no table, or has a quote that is not closed.
const MOST_ROW_BYTES: u64 = 16 << 20;
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// A table whose header has been read.
pub struct TableFile {
    path: PathBuf,
    format: Format,
    names: Vec<String>,
    places: HashMap<String, usize>,
}

/// How a table is stored.
#[derive(Clone, Copy)]
enum Format {
    Text {
        delimiter: u8,
    },
    #[cfg(feature = "parquet")]
    Parquet,
}

impl TableFile {
    /// `true` if the name of `path` is that of a table.
    pub fn is_table(path: &Path) -> bool {
        let is_table = path.extension().is_some_and(|found| {
            [COMMAS].iter().chain(&TABS).any(|ending| found.eq_ignore_ascii_case(ending))
        });
        #[cfg(feature = "parquet")]
        let is_table = is_table || is_parquet(path);
        is_table
    }

    /// Opens the table at `path` and reads the names of its columns.
    ///
    /// # Errors
    /// [`Error::File`] if it is no regular file, or if it names no columns.
    pub fn open(path: &Path) -> Result<Self> {
        #[cfg(feature = "parquet")]
        if is_parquet(path) {
            return TableFile::of(path, Format::Parquet, parquet::names(path)?);
        }
        let delimiter = delimiter(path)?;
        let mut reader = reader(path, delimiter)?;
        let header = reader.headers().map_err(|error| malformed(path, &error))?;
        let mut names: Vec<_> = header.iter().map(str::to_owned).collect();
        if let Some(first) = names.first_mut()
            && let Some(rest) = first.strip_prefix(BYTE_ORDER_MARK)
        {
            *first = rest.trim_matches('"').to_owned();
        }
        TableFile::of(path, Format::Text { delimiter }, names)
    }

    fn of(path: &Path, format: Format, names: Vec<String>) -> Result<Self> {
        let places: HashMap<_, _> = (0..).zip(&names).map(|(place, name)| (name.clone(), place)).collect();
        check_names(path, &names, &places)?;
        Ok(TableFile { path: path.to_owned(), format, names, places })
    }

    /// Path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Names of all columns. The first may be empty: an index that another program has written.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Position of the column `name`.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.places.get(name).copied()
    }

    /// Passes each row of cells to `visit`, with its place.
    ///
    /// # Errors
    /// [`Error::File`] for a row that is not UTF-8 or has another number of cells, and those of `visit`.
    pub fn each_row(&self, mut visit: impl FnMut(Place, &StringRecord) -> Result<()>) -> Result<()> {
        let delimiter = match self.format {
            Format::Text { delimiter } => delimiter,
            #[cfg(feature = "parquet")]
            Format::Parquet => return parquet::each_row(&self.path, visit),
        };
        let mut reader = reader(&self.path, delimiter)?;
        let mut row = StringRecord::new();
        loop {
            reader.get_mut().left = MOST_ROW_BYTES;
            if !reader.read_record(&mut row).map_err(|error| malformed(&self.path, &error))? {
                return Ok(());
            }
            let line = row.position().map_or(0, |position| position.line());
            // The reader passes over empty lines. In a table of one column they would be samples.
            let lines = 1 + row.iter().map(|cell| cell.matches('\n').count() as u64).sum::<u64>();
            if self.names.len() == 1 && reader.position().line() > line + lines {
                let problem =
                    format!("line {line}: is empty, expected a cell; write \"\" for a missing value");
                return Err(Error::file(&self.path, problem));
            }
            visit(Place::Line(line), &row)?;
        }
    }

    /// Number of rows below the header.
    ///
    /// # Errors
    /// As [`TableFile::each_row`].
    pub fn rows(&self) -> Result<usize> {
        #[cfg(feature = "parquet")]
        if let Format::Parquet = self.format {
            return parquet::rows(&self.path);
        }
        let mut rows = 0;
        self.each_row(|_, _| {
            rows += 1;
            Ok(())
        })?;
        Ok(rows)
    }
}

#[cfg(feature = "parquet")]
fn is_parquet(path: &Path) -> bool {
    path.extension().is_some_and(|found| found.eq_ignore_ascii_case(parquet::ENDING))
}

/// A file of which a row takes at most so many bytes more.
struct Rows {
    file: File,
    left: u64,
}

impl Read for Rows {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            let problem = format!(
                "a row takes more than {MOST_ROW_BYTES} bytes, expected lines of cells; look for a quote that is not closed"
            );
            return Err(io::Error::other(problem));
        }
        let read = self.file.read(buffer)?;
        self.left = self.left.saturating_sub(read as u64);
        Ok(read)
    }
}

fn reader(path: &Path, delimiter: u8) -> Result<Reader<Rows>> {
    let rows = Rows { file: file::open(path)?, left: MOST_ROW_BYTES };
    Ok(ReaderBuilder::new().delimiter(delimiter).trim(Trim::All).from_reader(rows))
}

fn delimiter(path: &Path) -> Result<u8> {
    let ending = path.extension().unwrap_or_default();
    if TABS.iter().any(|tabs| ending.eq_ignore_ascii_case(tabs)) {
        return Ok(b'\t');
    }
    let mut header = Vec::new();
    let mut start = BufReader::new(file::open(path)?).take(MOST_ROW_BYTES);
    start.read_until(b'\n', &mut header).map_err(|error| file::unopened(path, &error))?;
    let mut is_quoted = false;
    header.retain(|&byte| {
        is_quoted ^= byte == b'"';
        !is_quoted
    });
    let count = |&delimiter: &u8| header.iter().filter(|&&byte| byte == delimiter).count();
    // The last of equals is taken, and commas are most usual.
    Ok(DELIMITERS.into_iter().rev().max_by_key(count).unwrap_or(b','))
}

fn check_names(path: &Path, names: &[String], places: &HashMap<String, usize>) -> Result<()> {
    let problem = if names.iter().all(String::is_empty) {
        "is empty, expected a line with the names of the columns and lines of cells".to_owned()
    } else if let Some(number) = sample_among(names) {
        format!("has {number} in its first line, expected the names of the columns; add a line with names")
    } else if let Some(column) = names.iter().skip(1).position(String::is_empty) {
        format!("has no name for column {}; name every column in the first line", column + 1)
    } else if let Some((_, twice)) =
        names.iter().enumerate().find(|(index, name)| places.get(*name) != Some(index))
    {
        format!("has two columns named {}; give each a name of its own", shown(twice))
    } else {
        return Ok(());
    };
    Err(Error::file(path, problem))
}

/// A name that tells that the line is a sample: a number with a point, or any, if all are numbers that do not count the columns.
fn sample_among(names: &[String]) -> Option<&str> {
    let is_number = |name: &&String| matches!(Cell::of(name), Cell::Number(_));
    let counts =
        |first: usize| names.iter().enumerate().all(|(index, name)| *name == (first + index).to_string());
    let is_sample = names.iter().all(|name| is_number(&name)) && !counts(0) && !counts(1);
    let mut numbers = names.iter().filter(is_number);
    numbers.find(|name| is_sample || name.contains('.')).map(String::as_str)
}

fn malformed(path: &Path, error: &csv::Error) -> Error {
    let problem = match error.kind() {
        ErrorKind::Io(error) => format!("cannot be read: {error}"),
        ErrorKind::Utf8 { pos, .. } => {
            let line = pos.as_ref().map_or(0, csv::Position::line);
            format!("line {line}: holds bytes that are not UTF-8; save it in UTF-8")
        }
        ErrorKind::UnequalLengths { pos, expected_len, len } => {
            let line = pos.as_ref().map_or(0, csv::Position::line);
            format!(
                "line {line}: holds {}, expected {expected_len}, as the first line has; put texts that contain the \
                 separator in double quotes, and close them",
                counted(*len, "cell")
            )
        }
        _ => format!("cannot be read: {error}"),
    };
    Error::file(path, problem)
}
