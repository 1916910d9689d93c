//! Names of a command's outputs.

use std::path::Path;

use crate::file;
use crate::{Error, Result, Setting};

/// Checks, before a long run, that each of the files `written` can be written, and takes the place of nothing that is `read` and
/// of no other output. Each path comes with the setting that names it.
///
/// # Errors
/// As [`file::check_writable`], and [`Error::Usage`] with two settings that name the same file.
pub(super) fn check_outputs(read: &[(Setting, &Path)], written: &[(Setting, &Path)]) -> Result<()> {
    check_apart(read, written)?;
    written.iter().try_for_each(|(_, path)| file::check_writable(path))
}

/// Checks that no output is also an input or another output, or replaces a file of a dataset, of snapshots or of a log in a
/// folder that is read. Each path comes with the setting that names it.
///
/// # Errors
/// [`Error::Usage`] with both settings.
fn check_apart(read: &[(Setting, &Path)], written: &[(Setting, &Path)]) -> Result<()> {
    let place = |path: &Path| {
        let name = path.file_name().unwrap_or_default();
        let in_directory = || file::directory(path).canonicalize().map(|directory| directory.join(name));
        // A directory may be yet to be made.
        path.canonicalize().or_else(|_| in_directory()).or_else(|_| std::path::absolute(path))
    };
    for (index, &(setting, path)) in written.iter().enumerate() {
        let Ok(own) = place(path) else { continue };
        let is_same = |&&(_, other): &&(Setting, &Path)| place(other).is_ok_and(|other| other == own);
        let holds = |&&(other, folder): &&(Setting, &Path)| {
            is_of_a_folder(other, &own)
                && folder.canonicalize().is_ok_and(|folder| own.parent() == Some(&folder))
        };
        let same = read.iter().chain(&written[..index]).find(is_same);
        if let Some((other, _)) = same.or_else(|| read.iter().find(holds)) {
            let problem =
                format!("found {}, which {other} names or holds, too; expected another file", path.display());
            return Err(Error::usage(setting, problem));
        }
    }
    Ok(())
}

/// `true` if the name is that of a file in a folder of a dataset, of snapshots or of a log, which `setting` names.
fn is_of_a_folder(setting: Setting, path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let is_table = || {
        let endings = [".csv", ".tsv", ".tab", ".parquet"];
        endings.iter().any(|ending| name.to_ascii_lowercase().ends_with(ending))
    };
    (setting == Setting::Data && is_table())
        || name.ends_with(".npy")
        || name.contains("-ubyte")
        || name.ends_with(".ckpt")
        || name == "metrics.csv"
        || name.starts_with("events.out.tfevents")
}
