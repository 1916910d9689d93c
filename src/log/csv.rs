use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::Row;
use crate::file::{read_text, unwritable};
use crate::{Error, Result, Setting};

/// Longest log.
const MOST_BYTES: u64 = 256 << 20;

/// The header. Scores are those on the split that the run is evaluated on, whichever it is, so that programs find them.
const COLUMNS: &str = "step,epoch,loss,learning_rate,samples_per_second,test_loss,test_accuracy,\
                       planned_peak_bytes,counted_peak_bytes\n";

/// `metrics.csv`: a header line, then one row per logged step, in order.
#[derive(Debug)]
pub(super) struct Table {
    path: PathBuf,
    /// Locked, if the system supports it, so that no other run writes to it.
    file: File,
    /// Length of the existing text that is kept, in bytes.
    kept: u64,
}

impl Table {
    pub fn open(path: &Path, resumed_after: Option<u64>) -> Result<Self> {
        // Opening a pipe would wait for its reader.
        if path.metadata().is_ok_and(|found| !found.is_file()) {
            return Err(Error::file(
                path,
                format!("is not a regular file; remove it, or choose another directory for {}", Setting::Log),
            ));
        }
        let mut options = OpenOptions::new();
        let file = options.create(true).truncate(false).write(true).open(path);
        let file = file.map_err(|error| unwritable(path, error))?;
        // The system releases the lock however the process ends.
        if let Err(TryLockError::WouldBlock) = file.try_lock() {
            let problem = format!(
                "is in use by another run; wait for it to finish, or choose another directory for {}",
                Setting::Log
            );
            return Err(Error::file(path, problem));
        }
        let text = read_text(path, MOST_BYTES)?;
        let kept = kept(&text, resumed_after).map_err(|problem| Error::file(path, problem))?;
        Ok(Table { path: path.to_owned(), file, kept: kept as u64 })
    }

    /// Truncates the file to the text that is kept, and begins an empty file with the header.
    pub fn begin(&mut self) -> Result<()> {
        let shortened = self.file.set_len(self.kept).and_then(|()| self.file.seek(SeekFrom::End(0)));
        shortened.map_err(|error| unwritable(&self.path, error))?;
        if self.kept == 0 { self.append(COLUMNS) } else { Ok(()) }
    }

    pub fn add(&mut self, row: &Row) -> Result<()> {
        let Row { step, epoch, loss, learning_rate, samples_per_second, test, memory } = row;
        let [planned, counted] =
            memory.map_or([None; 2], |bytes| [bytes.planned, bytes.counted].map(Some)).map(cell);
        let test_loss = cell(test.map(|test| test.loss));
        let accuracy = cell(test.and_then(|test| test.accuracy));
        self.append(&format!(
            "{step},{epoch},{loss:?},{learning_rate:?},{samples_per_second:.1},{test_loss},{accuracy},{planned},{counted}\n"
        ))
    }

    fn append(&mut self, text: &str) -> Result<()> {
        self.file.write_all(text.as_bytes()).map_err(|error| unwritable(&self.path, error))
    }
}

/// An empty cell for `None`.
fn cell(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// Length of the part of `text` to keep, in bytes: the header, and rows up to step `resumed_after`. A last line without its
/// end, which a killed process leaves, is not kept.
fn kept(text: &str, resumed_after: Option<u64>) -> Result<usize, String> {
    let mut kept = 0;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let is_whole = line.ends_with('\n');
        if index == 0 {
            if !(if is_whole { line == COLUMNS } else { COLUMNS.starts_with(line) }) {
                let found: String = line.trim_end().chars().take(80).collect();
                return Err(format!(
                    "found the columns {found}, expected {}; choose another directory for {}",
                    COLUMNS.trim_end(),
                    Setting::Log
                ));
            }
        } else if is_whole {
            let step = line.split(',').next().and_then(|step| step.parse::<u64>().ok());
            let cells = |line: &str| line.matches(',').count();
            let step = step.filter(|_| cells(line) == cells(COLUMNS)).ok_or_else(|| {
                format!(
                    "line {} is not a row of a log; correct it, or choose another directory for {}",
                    index + 1,
                    Setting::Log
                )
            })?;
            let last = resumed_after.ok_or_else(|| {
                format!(
                    "holds the log of another run; choose another directory for {}, remove the file, or, if that run has \
                     snapshots, continue it with {} and {}",
                    Setting::Log,
                    Setting::Snapshot,
                    Setting::Resume
                )
            })?;
            if step > last {
                break;
            }
        }
        if !is_whole {
            break;
        }
        kept += line.len();
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(steps: &[u64]) -> String {
        let rows: Vec<_> = steps.iter().map(|step| format!("{step},0,0.5,0.1,9.0,,,,\n")).collect();
        format!("{COLUMNS}{}", rows.concat())
    }

    #[test]
    fn later_rows_and_incomplete_lines_are_dropped() {
        let text = rows(&[5, 10, 15]);
        for (last, expected) in
            [(4, rows(&[])), (5, rows(&[5])), (14, rows(&[5, 10])), (15, rows(&[5, 10, 15]))]
        {
            assert_eq!(kept(&text, Some(last)), Ok(expected.len()), "after {last}");
        }
        for cut in 1..20 {
            assert_eq!(
                kept(&text[..text.len() - cut], Some(99)),
                Ok(rows(&[5, 10]).len()),
                "{cut} bytes cut off"
            );
        }
        // A run that was killed before its first row leaves part of a header at most.
        for length in 0..=COLUMNS.len() {
            let whole = length == COLUMNS.len();
            assert_eq!(kept(&COLUMNS[..length], None), Ok(if whole { length } else { 0 }));
        }
    }

    #[test]
    fn files_that_are_no_log_of_this_run_are_rejected() {
        let wrong = |text: &str, last| kept(text, last).unwrap_err();
        assert!(wrong(&rows(&[5]), None).contains("another run"));
        assert!(wrong("a,b\n1,2\n", Some(9)).contains("found the columns a,b"));
        assert!(wrong("notes", None).contains("found the columns notes"));
        assert!(wrong(&format!("{}6,0\n7,0,0.5,0.1,9.0,,,,\n", rows(&[5])), Some(9)).contains("line 3"));
        assert!(wrong(&format!("{}x,0,0.5,0.1,9.0,,,,\n", rows(&[5])), Some(9)).contains("line 3"));
    }
}
