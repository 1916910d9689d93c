use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::{Snapshot, format};
use crate::file;
use crate::{Error, Result};

/// A folder of snapshots.
#[derive(Debug)]
pub struct SnapshotStore {
    folder: PathBuf,
    keep: usize,
    /// Of the folder, as long as this is open, where the system can lock one.
    _lock: Option<File>,
}

/// A snapshot that was found.
#[derive(Debug)]
pub struct Found {
    /// Where.
    pub path: PathBuf,
    /// What it is.
    pub snapshot: Snapshot,
    /// What was wrong with newer ones.
    pub passed_over: Vec<Error>,
}

impl SnapshotStore {
    /// The snapshots in `folder`, which is made where it is missing; of these, the `keep` newest are kept.
    ///
    /// # Errors
    /// [`Error::Usage`] for a `keep` of 0, [`Error::File`] for a folder that cannot be made, takes no files, or is in use by
    /// another store.
    pub fn open(folder: &Path, keep: usize) -> Result<Self> {
        if keep == 0 {
            return Err(Error::usage("--keep", "found 0, expected at least 1"));
        }
        let fail = |error: std::io::Error| Error::file(folder, format!("cannot hold snapshots: {error}"));
        fs::create_dir_all(folder).map_err(fail)?;
        // The system lets go of the lock however a process ends.
        let lock = File::open(folder).ok();
        if let Some(Err(TryLockError::WouldBlock)) = lock.as_ref().map(File::try_lock) {
            let problem = "is where another run that goes on keeps its snapshots; wait for its end, or name another folder";
            return Err(Error::file(folder, problem));
        }
        // What writers that were killed have left behind.
        for entry in fs::read_dir(folder).map_err(fail)?.flatten() {
            if entry.file_name().to_string_lossy().starts_with(file::TEMPORARY_PREFIX) {
                let _ = fs::remove_file(entry.path());
            }
        }
        let store = SnapshotStore { folder: folder.to_owned(), keep, _lock: lock };
        file::check_writable(&store.path(0))?;
        Ok(store)
    }

    /// Where they are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The newest snapshot, whole or not.
    ///
    /// # Errors
    /// [`Error::File`] for a folder that cannot be read.
    pub fn newest(&self) -> Result<Option<PathBuf>> {
        Ok(self.paths()?.into_iter().next())
    }

    /// Writes `snapshot`, and when it is safe on the disk removes those that are too old. Returns where it is.
    ///
    /// # Errors
    /// [`Error::File`] where it cannot be written; those that were there are still there.
    pub fn save(&self, snapshot: &Snapshot) -> Result<PathBuf> {
        let path = self.path(snapshot.steps);
        let bytes = format::encode(snapshot).map_err(|problem| Error::file(&path, problem))?;
        file::replace(&path, |file| file.write_all(&bytes).map_err(|error| error.to_string()))?;
        // Newer ones are not of this run, or damaged: they take no place of those that are.
        let passed = self.paths()?.into_iter().skip_while(|found| *found != path);
        for old in passed.skip(self.keep) {
            let _ = fs::remove_file(old);
        }
        Ok(path)
    }

    /// The newest snapshot that is whole.
    ///
    /// # Errors
    /// [`Error::File`] where there is none.
    pub fn latest(&self) -> Result<Found> {
        let mut passed_over = Vec::new();
        for path in self.paths()? {
            let read = fs::read(&path).map_err(|error| format!("cannot be read: {error}"));
            match read.and_then(|bytes| format::decode(&bytes)) {
                Ok(snapshot) => return Ok(Found { path, snapshot, passed_over }),
                Err(problem) => passed_over.push(Error::file(&path, problem)),
            }
        }
        let problem = match passed_over.into_iter().next() {
            None => "holds no snapshot; give the folder that --snapshot wrote to, or leave out --resume"
                .to_owned(),
            Some(newest) => format!("holds no snapshot that is whole: {newest}"),
        };
        Err(Error::file(&self.folder, problem))
    }

    fn path(&self, steps: u64) -> PathBuf {
        self.folder.join(format!("step-{steps:012}.ckpt"))
    }

    /// Those that are there, the newest first.
    fn paths(&self) -> Result<Vec<PathBuf>> {
        let entries = fs::read_dir(&self.folder)
            .map_err(|error| Error::file(&self.folder, format!("cannot be read: {error}")))?;
        let is_snapshot = |path: &PathBuf| {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let digits = name.strip_prefix("step-").and_then(|name| name.strip_suffix(".ckpt"));
            digits
                .is_some_and(|digits| digits.len() >= 12 && digits.bytes().all(|byte| byte.is_ascii_digit()))
        };
        let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).filter(is_snapshot).collect();
        // Longer names are those of more steps.
        paths.sort_by_key(|path| std::cmp::Reverse((path.as_os_str().len(), path.clone())));
        Ok(paths)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{LayerParameters, Parameters};

    fn snapshot(steps: u64) -> Snapshot {
        let layer = LayerParameters { weights: vec![steps as f32, 0.5], bias: vec![-1.0] };
        Snapshot {
            widths: vec![2, 1],
            settings: Default::default(),
            steps,
            losses: (0.0, 0),
            parameters: Parameters { layers: vec![layer] },
            moments: Vec::new(),
        }
    }

    #[test]
    fn the_newest_whole_one_is_found_and_old_ones_go() {
        let folder = tempfile::tempdir().unwrap();
        let store = SnapshotStore::open(&folder.path().join("a/b"), 2).unwrap();
        assert!(store.latest().unwrap_err().to_string().contains("holds no snapshot"));
        let paths: Vec<_> = [1, 20, 300].map(|steps| store.save(&snapshot(steps)).unwrap()).into();
        assert!(!paths[0].exists() && paths[1].exists() && paths[2].exists());
        assert_eq!(store.latest().unwrap().snapshot, snapshot(300));

        let bytes = fs::read(&paths[2]).unwrap();
        fs::write(&paths[2], &bytes[..bytes.len() - 1]).unwrap();
        let found = store.latest().unwrap();
        assert_eq!((found.snapshot.steps, found.passed_over.len()), (20, 1));
        assert_eq!(found.passed_over[0].exit_code(), 3);
        fs::write(&paths[1], "").unwrap();
        assert!(store.latest().unwrap_err().to_string().contains("whole"));
    }

    #[test]
    #[cfg(unix)]
    fn a_folder_is_one_runs_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let store = SnapshotStore::open(folder.path(), 1).unwrap();
        let writing = folder.path().join(format!("{}abc", file::TEMPORARY_PREFIX));
        fs::write(&writing, "half").unwrap();
        let refused = SnapshotStore::open(folder.path(), 1).unwrap_err();
        assert!(refused.exit_code() == 3 && refused.to_string().contains("another run"), "{refused}");
        assert!(writing.exists(), "what the other writes is gone");
        drop(store);
        SnapshotStore::open(folder.path(), 1).unwrap();
    }

    #[test]
    fn one_that_was_just_written_stays_whatever_newer_ones_there_are() {
        let folder = tempfile::tempdir().unwrap();
        let store = SnapshotStore::open(folder.path(), 1).unwrap();
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
        let folder = tempfile::tempdir().unwrap();
        let left = folder.path().join(format!("{}abc", file::TEMPORARY_PREFIX));
        fs::write(&left, "half").unwrap();
        SnapshotStore::open(folder.path(), 1).unwrap();
        assert!(!left.exists());
        assert_eq!(SnapshotStore::open(folder.path(), 0).unwrap_err().exit_code(), 2);
    }

    #[test]
    fn a_save_that_fails_leaves_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        let store = SnapshotStore::open(folder.path(), 1).unwrap();
        store.save(&snapshot(1)).unwrap();
        // No file can take the place of a folder, whoever asks.
        fs::create_dir(store.path(2)).unwrap();
        assert_eq!(store.save(&snapshot(2)).unwrap_err().exit_code(), 3);
        fs::remove_dir(store.path(2)).unwrap();
        assert_eq!(store.latest().unwrap().snapshot, snapshot(1));
    }
}
