//! Files that are written whole or not at all, and checks before a long run that they can be.

use std::fmt::Display;
use std::fs::{File, TryLockError};
#[cfg(feature = "cli")]
use std::io::Read;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// Prefix of the names of incomplete files.
pub const TEMPORARY_PREFIX: &str = ".ckpt-gpu-";

/// Opens the regular file at `path` for reading. The type is checked first, because opening a pipe would wait for its writer,
/// and reading a device may never end.
///
/// # Errors
/// [`Error::File`] if it is something else, such as a pipe, or cannot be opened.
pub fn open(path: &Path) -> Result<File> {
    let found = path.metadata().map_err(|error| unopened(path, &error))?;
    if !found.is_file() {
        let kind = if found.is_dir() { "a directory" } else { "a pipe or a device" };
        return Err(Error::file(path, format!("found {kind}, expected a regular file")));
    }
    File::open(path).map_err(|error| unopened(path, &error))
}

/// The error for a file or directory that cannot be opened.
pub fn unopened(path: &Path, error: &std::io::Error) -> Error {
    let problem = match error.kind() {
        ErrorKind::NotFound => "no such file; correct the path".to_owned(),
        _ => format!("cannot be opened: {error}"),
    };
    Error::file(path, problem)
}

/// Text of the regular file at `path`, which holds at most `most` bytes of UTF-8.
///
/// # Errors
/// As [`open`], and [`Error::File`] for a longer file or one that cannot be read.
#[cfg(feature = "cli")]
pub fn read_text(path: &Path, most: u64) -> Result<String> {
    let unread = |error| Error::file(path, format!("cannot be read: {error}"));
    let file = open(path)?;
    if file.metadata().map_err(unread)?.len() > most {
        return Err(Error::file(path, format!("found more than {most} bytes, expected at most so many")));
    }
    let mut text = String::new();
    file.take(most).read_to_string(&mut text).map_err(|error| match error.kind() {
        ErrorKind::InvalidData => {
            Error::file(path, "cannot be read: it is not text in UTF-8; save it as such")
        }
        _ => unread(error),
    })?;
    Ok(text)
}

/// Makes the directory at `path`, and those that it is in, and syncs the name of each to disk.
///
/// # Errors
/// [`Error::File`] if one cannot be made.
pub fn create_directory(path: &Path) -> Result<()> {
    check_no_file_above(path, path, "made")?;
    create_and_sync(path).map_err(|error| {
        Error::file(path, format!("cannot be made: {error}; choose another place, or make room there"))
    })
}

/// Checks, before a long run, that [`create_directory`] will be able to make the directory at `path`, or files in one that is there.
///
/// # Errors
/// [`Error::File`] if something else is there or above, or if the directory there or above is not writable.
#[cfg(feature = "cli")]
pub fn check_directory(path: &Path) -> Result<()> {
    check_no_file_above(path, path, "made")?;
    let there = path.ancestors().find(|path| path.is_dir()).unwrap_or(Path::new("."));
    tempfile::tempfile_in(there).map(|_| ()).map_err(|error| {
        let problem = format!("cannot be made or written to: {error}; choose another place");
        Error::file(path, problem)
    })
}

/// Checks that what is there of `directory` is a directory, or else that `path` cannot be made or written, as `done` has it.
fn check_no_file_above(path: &Path, directory: &Path, done: &str) -> Result<()> {
    match directory.ancestors().find(|path| path.exists()).filter(|there| !there.is_dir()) {
        Some(there) => {
            let problem =
                format!("cannot be {done}: {} is no directory; choose another place", there.display());
            Err(Error::file(path, problem))
        }
        None => Ok(()),
    }
}

fn create_and_sync(path: &Path) -> std::io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = directory(path);
    if parent != path && !parent.is_dir() {
        create_and_sync(parent)?;
    }
    match std::fs::create_dir(path) {
        // Another process may have made it meanwhile.
        Err(error) if error.kind() != ErrorKind::AlreadyExists || !path.is_dir() => Err(error),
        _ => sync_directory(parent),
    }
}

/// Makes names in `directory` durable. Some systems neither support nor need it.
fn sync_directory(directory: &Path) -> std::io::Result<()> {
    let Ok(file) = File::open(directory) else { return Ok(()) };
    match file.sync_all() {
        Err(error)
            if !matches!(
                error.kind(),
                ErrorKind::Unsupported | ErrorKind::InvalidInput | ErrorKind::PermissionDenied
            ) =>
        {
            Err(error)
        }
        _ => Ok(()),
    }
}

/// Writes a file at `path` atomically: to a temporary file in the same directory, which is synced and renamed. The new
/// file has the permissions of the one that it replaces.
///
/// # Errors
/// [`Error::File`] if the directory is not writable, or with the problem that `write` returns.
pub fn replace(path: &Path, write: impl FnOnce(&mut File) -> Result<(), String>) -> Result<()> {
    let fail = |problem: String| unwritable(path, problem);
    let target = target(path)?;
    let directory = directory(&target);
    let mut file =
        temporary(directory).map_err(|error| fail(format!("in {}: {error}", directory.display())))?;
    // Before it holds anything that the file that it replaces kept from others.
    if let Ok(existing) = target.metadata() {
        file.as_file().set_permissions(existing.permissions()).map_err(|error| fail(error.to_string()))?;
    }
    write(file.as_file_mut()).map_err(fail)?;
    file.as_file().sync_all().map_err(|error| fail(error.to_string()))?;
    file.persist(&target).map_err(|error| fail(error.error.to_string()))?;
    sync_directory(directory).map_err(|error| {
        let problem = format!("is written, but its directory cannot be synced: {error}; check the disk");
        Error::file(path, problem)
    })
}

/// Removes incomplete files that processes left in `directory` when they were killed while writing.
///
/// # Errors
/// [`Error::File`] if the directory cannot be read.
pub fn remove_incomplete(directory: &Path) -> Result<()> {
    let unread = |error: std::io::Error| Error::file(directory, format!("cannot be read: {error}"));
    for entry in std::fs::read_dir(directory).map_err(unread)?.flatten() {
        if entry.file_name().to_string_lossy().starts_with(TEMPORARY_PREFIX) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
    Ok(())
}

/// Locks the directory at `path` for as long as the file that is returned is open; `None` where the system supports no locks.
///
/// # Errors
/// [`Error::File`] if it is locked.
pub fn lock_directory(path: &Path) -> Result<Option<File>> {
    // The system releases the lock however the process ends.
    let lock = File::open(path).ok();
    if let Some(Err(TryLockError::WouldBlock)) = lock.as_ref().map(File::try_lock) {
        let problem = "is in use by another run; wait for it to finish or choose another directory";
        return Err(Error::file(path, problem));
    }
    Ok(lock)
}

/// The error for a file that cannot be written completely.
pub fn unwritable(path: &Path, problem: impl Display) -> Error {
    Error::file(
        path,
        format!(
            "cannot be written: {problem}; make room there or choose another place; an earlier file is unchanged"
        ),
    )
}

/// The file that `path` links to, or `path` itself: writing through a link keeps the link.
fn target(path: &Path) -> Result<PathBuf> {
    let target = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    match target.metadata() {
        Ok(found) if found.is_dir() => {
            Err(Error::file(path, "cannot be written: found a directory, expected the name of a file"))
        }
        Ok(found) if !found.is_file() => {
            Err(Error::file(path, "cannot be written: found a pipe or a device, expected the name of a file"))
        }
        _ => Ok(target),
    }
}

/// [`replace()`] with `text`.
///
/// # Errors
/// As [`replace()`].
pub fn replace_with(path: &Path, text: &str) -> Result<()> {
    replace(path, |file| file.write_all(text.as_bytes()).map_err(|error| error.to_string()))
}

/// Checks, before a long run, that [`replace()`] will be able to write to `path`.
///
/// # Errors
/// [`Error::File`] if it is not a regular file, or if its directory is not writable.
pub fn check_writable(path: &Path) -> Result<()> {
    let target = target(path)?;
    let directory = directory(&target);
    check_no_file_above(path, directory, "written")?;
    tempfile::tempfile_in(directory).map(|_| ()).map_err(|error| {
        let problem = match error.kind() {
            ErrorKind::NotFound => "the directory is not there; make it, or choose another place".to_owned(),
            _ => format!("in {}: {error}; choose another place", directory.display()),
        };
        Error::file(path, format!("cannot be written: {problem}"))
    })
}

/// The directory that the file at `path` is in.
pub fn directory(path: &Path) -> &Path {
    path.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A file that removes itself unless it is persisted, with the permissions that the umask gives any new file.
fn temporary(directory: &Path) -> std::io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.prefix(TEMPORARY_PREFIX).tempfile_in(directory)
}
