use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::{Progress, Snapshot, format};
use crate::file;
use crate::memory::check_host_room;
use crate::model::Network;
use crate::{Error, Result, Setting};

/// A directory of snapshots.
#[derive(Debug)]
pub struct SnapshotStore {
    directory: PathBuf,
    keep: usize,
    /// Lock on the directory, if the system supports one.
    _lock: Option<File>,
}

/// Takes the next values of a snapshot.
pub type Take<'a> = dyn FnMut(&[f32]) -> Result<()> + 'a;

/// The newest intact snapshot of a directory.
#[derive(Debug)]
pub struct Found {
    /// File it was read from.
    pub path: PathBuf,
    /// The snapshot.
    pub snapshot: Snapshot,
    /// Why newer snapshots could not be read.
    pub passed_over: Vec<Error>,
}

impl SnapshotStore {
    /// Opens the directory `directory`, creating it if needed. The `keep` newest snapshots are kept.
    ///
    /// # Errors
    /// [`Error::Usage`] if `keep` is 0; [`Error::File`] if the directory cannot be created or written to, or is in use by
    /// another store.
    pub fn open(directory: &Path, keep: usize) -> Result<Self> {
        if keep == 0 {
            return Err(Error::usage(Setting::Keep, "found 0, expected at least 1"));
        }
        file::create_directory(directory)?;
        let lock = file::lock_directory(directory)?;
        file::remove_incomplete(directory)?;
        let store = SnapshotStore { directory: directory.to_owned(), keep, _lock: lock };
        file::check_writable(&store.path(0))?;
        Ok(store)
    }

    /// The directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Path of the newest snapshot, intact or not.
    ///
    /// # Errors
    /// [`Error::File`] if the directory cannot be read.
    pub fn newest(&self) -> Result<Option<PathBuf>> {
        Ok(self.paths()?.into_iter().next())
    }

    /// Writes `snapshot`, and once it is synced to disk removes old ones. Returns its path.
    ///
    /// # Errors
    /// [`Error::File`] if it cannot be written; older snapshots are then untouched.
    pub fn save(&self, snapshot: &Snapshot) -> Result<PathBuf> {
        self.replace(snapshot.progress.steps, |file| format::write(snapshot, file))
    }

    /// As [`SnapshotStore::save`], of a run of `network` whose values `read` passes on: all parameters in order, and then so
    /// many `moments`. No copy of them is made.
    ///
    /// # Errors
    /// As [`SnapshotStore::save`], and those of `read`.
    pub fn save_from(
        &self,
        progress: &Progress,
        network: &Network,
        moments: usize,
        read: &mut dyn FnMut(&mut Take) -> Result<()>,
    ) -> Result<PathBuf> {
        let mut unread = None;
        let norms = network.layers().map(|layer| {
            let [.., gain, shift] = layer.tensor_lengths();
            [gain, shift]
        });
        let saved = self.replace(progress.steps, |file| {
            format::write_from(progress, norms.collect(), moments, file, |put| {
                let mut unwritten = None;
                let mut put = |values: &[f32]| {
                    put(values).map_err(|problem| Error::internal(unwritten.insert(problem).clone()))
                };
                let outcome = read(&mut put);
                match (unwritten, outcome) {
                    (Some(problem), _) => Err(problem),
                    (None, Ok(())) => Ok(()),
                    (None, Err(error)) => Err(unread.insert(error).to_string()),
                }
            })
        });
        saved.map_err(|error| unread.unwrap_or(error))
    }

    fn replace(
        &self,
        steps: u64,
        write: impl FnOnce(&mut File) -> std::result::Result<(), String>,
    ) -> Result<PathBuf> {
        let path = self.path(steps);
        file::replace(&path, write)?;
        // Newer snapshots are another run's or damaged, so they do not count towards those that are kept.
        let passed = self.paths()?.into_iter().skip_while(|found| *found != path);
        for old in passed.skip(self.keep) {
            let _ = fs::remove_file(old);
        }
        Ok(path)
    }

    /// Reads the newest intact snapshot.
    ///
    /// # Errors
    /// [`Error::File`] if there is none.
    pub fn latest(&self) -> Result<Found> {
        let mut passed_over = Vec::new();
        for path in self.paths()? {
            match read(&path) {
                Ok(snapshot) => return Ok(Found { path, snapshot, passed_over }),
                Err(error @ Error::DoesNotFit(_)) => return Err(error),
                Err(error) => passed_over.push(error),
            }
        }
        let problem = match passed_over.into_iter().next() {
            None => {
                format!(
                    "holds no snapshot; choose the directory of the run to resume, or leave out {} to start a new run",
                    Setting::Resume
                )
            }
            Some(newest) => format!(
                "holds no intact snapshot: {newest}; restore one, or remove the files step-*.ckpt there to begin anew"
            ),
        };
        Err(Error::file(&self.directory, problem))
    }

    fn path(&self, steps: u64) -> PathBuf {
        self.directory.join(format!("step-{steps:012}.ckpt"))
    }

    /// Paths of all snapshots, newest first.
    fn paths(&self) -> Result<Vec<PathBuf>> {
        let entries = fs::read_dir(&self.directory)
            .map_err(|error| Error::file(&self.directory, format!("cannot be read: {error}")))?;
        let is_snapshot = |path: &PathBuf| {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let digits = name.strip_prefix("step-").and_then(|name| name.strip_suffix(".ckpt"));
            digits
                .is_some_and(|digits| digits.len() >= 12 && digits.bytes().all(|byte| byte.is_ascii_digit()))
        };
        let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).filter(is_snapshot).collect();
        // A longer name has more digits, hence more steps.
        paths.sort_by_key(|path| std::cmp::Reverse((path.as_os_str().len(), path.clone())));
        Ok(paths)
    }
}

/// Reads the snapshot at `path`.
///
/// # Errors
/// [`Error::File`] if it is no intact snapshot, [`Error::DoesNotFit`] if the host has no room for it.
fn read(path: &Path) -> Result<Snapshot> {
    let mut file = file::open(path)?;
    let length =
        file.metadata().map_err(|error| Error::file(path, format!("cannot be read: {error}")))?.len();
    check_host_room(&format!("the values of {}", path.display()), length, "free memory, or raise its limit")?;
    format::read(&mut file).map_err(|problem| Error::file(path, problem))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{LayerParameters, Parameters, Plateau};
    use crate::snapshot::LossSum;

    fn snapshot(steps: u64) -> Snapshot {
        let layer =
            LayerParameters { weights: vec![steps as f32, 0.5], bias: vec![-1.0], ..Default::default() };
        let progress = Progress {
            widths: vec![2, 1],
            identity: Default::default(),
            slices: None,
            steps,
            losses: LossSum::default(),
            plateau: Plateau::default(),
            best: None,
        };
        Snapshot { progress, parameters: Parameters { layers: vec![layer] }, moments: Vec::new() }
    }

    #[test]
    fn newest_intact_snapshot_is_found_and_old_ones_are_removed() {
        let directory = tempfile::tempdir().unwrap();
        let store = SnapshotStore::open(&directory.path().join("a/b"), 2).unwrap();
        assert!(store.latest().unwrap_err().to_string().contains("holds no snapshot"));
        let paths: Vec<_> = [1, 20, 300].map(|steps| store.save(&snapshot(steps)).unwrap()).into();
        assert!(!paths[0].exists() && paths[1].exists() && paths[2].exists());
        assert_eq!(store.latest().unwrap().snapshot, snapshot(300));

        let bytes = fs::read(&paths[2]).unwrap();
        fs::write(&paths[2], &bytes[..bytes.len() - 1]).unwrap();
        let found = store.latest().unwrap();
        assert_eq!((found.snapshot.progress.steps, found.passed_over.len()), (20, 1));
        assert_eq!(found.passed_over[0].exit_code(), 3);
        fs::write(&paths[1], "").unwrap();
        assert!(store.latest().unwrap_err().to_string().contains("intact"));
    }

    #[test]
    #[cfg(unix)]
    fn directory_in_use_is_rejected() {
        let directory = tempfile::tempdir().unwrap();
        let store = SnapshotStore::open(directory.path(), 1).unwrap();
        let writing = directory.path().join(format!("{}abc", file::TEMPORARY_PREFIX));
        fs::write(&writing, "half").unwrap();
        let refused = SnapshotStore::open(directory.path(), 1).unwrap_err();
        assert!(refused.exit_code() == 3 && refused.to_string().contains("another run"), "{refused}");
        assert!(writing.exists(), "the other run's temporary file was removed");
        drop(store);
        SnapshotStore::open(directory.path(), 1).unwrap();
    }

    #[test]
    fn new_snapshot_is_kept_beside_newer_ones() {
        let directory = tempfile::tempdir().unwrap();
        let store = SnapshotStore::open(directory.path(), 1).unwrap();
        assert_eq!(store.newest().unwrap(), None);
        let damaged = store.save(&snapshot(30)).unwrap();
        fs::write(&damaged, "").unwrap();
        for steps in [20, 25] {
            store.save(&snapshot(steps)).unwrap();
            assert_eq!(store.latest().unwrap().snapshot, snapshot(steps));
        }
        assert_eq!(store.newest().unwrap(), Some(damaged.clone()));
        assert!(!store.path(20).exists());
        store.save(&snapshot(40)).unwrap();
        assert!(!damaged.exists() && !store.path(25).exists());
    }

    #[test]
    fn what_killed_writers_left_is_swept_up() {
        let directory = tempfile::tempdir().unwrap();
        let left = directory.path().join(format!("{}abc", file::TEMPORARY_PREFIX));
        fs::write(&left, "half").unwrap();
        SnapshotStore::open(directory.path(), 1).unwrap();
        assert!(!left.exists());
        assert_eq!(SnapshotStore::open(directory.path(), 0).unwrap_err().exit_code(), 2);
    }

    #[test]
    fn a_save_that_fails_leaves_the_one_before() {
        let directory = tempfile::tempdir().unwrap();
        let store = SnapshotStore::open(directory.path(), 1).unwrap();
        store.save(&snapshot(1)).unwrap();
        // No file can take the place of a directory, whoever asks.
        fs::create_dir(store.path(2)).unwrap();
        assert_eq!(store.save(&snapshot(2)).unwrap_err().exit_code(), 3);
        fs::remove_dir(store.path(2)).unwrap();
        assert_eq!(store.latest().unwrap().snapshot, snapshot(1));
    }
}
