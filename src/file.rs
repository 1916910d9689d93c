//! Files that are written whole or not at all.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use crate::{Error, Result};

/// Puts a file at `path`. One that is there already is replaced only by a complete one: the new one is written beside
/// it, synced, then renamed over it.
///
/// # Errors
/// [`Error::File`] where the folder cannot be written to, and with what `write` says went wrong.
pub fn replace(path: &Path, write: impl FnOnce(&mut File) -> Result<(), String>) -> Result<()> {
    let fail = |problem: String| Error::file(path, format!("cannot be written: {problem}"));
    let folder = folder(path);
    let mut file = temporary(folder).map_err(|error| fail(format!("in {}: {error}", folder.display())))?;
    write(file.as_file_mut()).map_err(fail)?;
    file.as_file().sync_all().map_err(|error| fail(error.to_string()))?;
    file.persist(path).map_err(|error| fail(error.error.to_string()))?;
    Ok(())
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
/// [`Error::File`] for a folder, or a file in a folder that takes no files.
pub fn check_writable(path: &Path) -> Result<()> {
    if path.is_dir() {
        return Err(Error::file(path, "found a folder, expected the name of a file to write"));
    }
    match tempfile::tempfile_in(folder(path)) {
        Ok(_) => Ok(()),
        Err(error) => Err(Error::file(
            path,
            format!("the folder cannot be written to ({error}); make it, or choose another place"),
        )),
    }
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A file that removes itself unless it is persisted, with the rights that the umask gives to any new file.
fn temporary(folder: &Path) -> std::io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.prefix(".ckpt-gpu-").tempfile_in(folder)
}
