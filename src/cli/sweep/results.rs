//! Results of finished runs, each in a file, and snapshots of the one that was interrupted.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::file;
use crate::report::SweepRun;
use crate::{Error, Result};

/// Longest file of a result.
const MOST_BYTES: u64 = 1 << 16;

/// A directory of results.
pub(super) struct Results {
    directory: PathBuf,
    /// Lock on the directory, if the system supports one.
    _lock: Option<File>,
}

impl Results {
    /// Opens the directory, creating it if needed.
    ///
    /// # Errors
    /// [`Error::File`] if it cannot be created or written to, or is in use by another sweep.
    pub fn open(directory: &Path) -> Result<Self> {
        file::create_directory(directory)?;
        let lock = file::lock_directory(directory)?;
        file::remove_incomplete(directory)?;
        let results = Results { directory: directory.to_owned(), _lock: lock };
        file::check_writable(&results.path("0"))?;
        Ok(results)
    }

    fn path(&self, key: &str) -> PathBuf {
        self.directory.join(format!("{key}.json"))
    }

    /// Directory of the snapshots of a run that is not finished.
    pub fn snapshots(&self, key: &str) -> PathBuf {
        self.directory.join(key)
    }

    /// The result of the run `key`, if it is finished.
    ///
    /// # Errors
    /// [`Error::File`] for a file that is no result.
    pub fn finished(&self, key: &str) -> Result<Option<SweepRun>> {
        let path = self.path(key);
        if !path.exists() {
            return Ok(None);
        }
        let text = file::read_text(&path, MOST_BYTES)?;
        let result = serde_json::from_str(&text).map_err(|error| {
            Error::file(&path, format!("is no result of a run: {error}; remove it to repeat the run"))
        })?;
        Ok(Some(result))
    }

    /// Checks that a finished run was on samples of this `identity`.
    ///
    /// # Errors
    /// [`Error::File`] if it was not.
    pub fn check_data(&self, key: &str, result: &SweepRun, identity: &str) -> Result<()> {
        if result.data == identity {
            return Ok(());
        }
        let problem = "is the result of a run on other samples than the data now holds; restore the data, or choose another \
                       directory";
        Err(Error::file(&self.path(key), problem))
    }

    /// Writes the result of the run `key`, and then removes its snapshots.
    ///
    /// # Errors
    /// [`Error::File`] if it cannot be written.
    pub fn write(&self, key: &str, result: &SweepRun) -> Result<()> {
        let path = self.path(key);
        let text = serde_json::to_string(result).map_err(|error| Error::file(&path, error.to_string()))?;
        file::replace_with(&path, &(text + "\n"))?;
        // They are of no use, but do no harm either.
        let _ = fs::remove_dir_all(self.snapshots(key));
        Ok(())
    }
}
