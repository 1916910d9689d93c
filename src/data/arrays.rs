//! Named arrays: an npz archive, a directory of npy files, or a directory of IDX files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::idx;
use super::mapped::{MappedArray, Unmapped};
use super::npz::{Archive, Array, npy, shown, some_of};
use crate::file;
use crate::{Error, Result, Setting};

/// File names of MNIST and datasets in its format, without `.gz`: inputs and labels of the training split,
/// then of the test split. EMNIST has a prefix before them.
const IDX_NAMES: [&str; 4] = [
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
];
/// What EMNIST calls its test split.
const OTHER_TEST: &str = "test";
/// Folder in which torchvision keeps the IDX files of a dataset.
const RAW: &str = "raw";

/// Named arrays of a dataset.
pub(super) enum Arrays {
    Npz(Archive),
    /// A directory with one array a file.
    Directory {
        path: PathBuf,
        format: Format,
        files: BTreeMap<String, PathBuf>,
    },
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// Keys are file names without `.npy`.
    Npy,
    /// Keys are file names without `.gz`, with a dash before `idx`.
    Idx,
}

impl Arrays {
    /// Opens `path`. A directory that has MNIST's training images holds IDX files, any other npy files.
    pub fn open(path: &Path) -> Result<Arrays> {
        if !path.is_dir() {
            if is_npy(path) {
                let problem = "is one array, expected inputs and targets; name the directory that holds it, with x.npy and \
                               y.npy, or x_train.npy, y_train.npy, x_test.npy and y_test.npy";
                return Err(Error::file(path, problem));
            }
            return Ok(Arrays::Npz(Archive::open(path)?));
        }
        // Arrays of the folder itself go before those in the folder within.
        let has_npy = path
            .read_dir()
            .is_ok_and(|mut entries| entries.any(|entry| entry.is_ok_and(|entry| is_npy(&entry.path()))));
        let within = (!has_npy).then(|| path.join(RAW));
        for folder in [Some(path.to_owned()), within].into_iter().flatten() {
            let files = idx_files(&folder)?;
            if files.contains_key(IDX_NAMES[0]) {
                return Ok(Arrays::Directory { path: folder, format: Format::Idx, files });
            }
        }
        Ok(Arrays::Directory { path: path.to_owned(), format: Format::Npy, files: npy_files(path)? })
    }

    /// File or directory that they are in, for messages.
    pub fn path(&self) -> &Path {
        match self {
            Arrays::Npz(archive) => archive.path(),
            Arrays::Directory { path, .. } => path,
        }
    }

    /// Keys of all arrays, sorted.
    pub fn keys(&self) -> Vec<&str> {
        match self {
            Arrays::Npz(archive) => archive.keys().collect(),
            Arrays::Directory { files, .. } => files.keys().map(String::as_str).collect(),
        }
    }

    /// The first few keys, for messages.
    pub fn named(&self) -> String {
        some_of(&self.keys().into_iter().map(shown).collect::<Vec<_>>())
    }

    /// Keys of a directory of IDX files: inputs and targets of the training split, then of the test split.
    /// `None` for arrays that have names of their own.
    pub fn idx_names(&self) -> Option<[&'static str; 4]> {
        matches!(self, Arrays::Directory { format: Format::Idx, .. }).then_some(IDX_NAMES)
    }

    /// Size of the array `key` in bytes: uncompressed in an archive, that of its file in a directory.
    pub fn bytes(&self, key: &str) -> Result<u64> {
        self.check_found(key)?;
        match self {
            Arrays::Npz(archive) => archive.bytes(key),
            Arrays::Directory { .. } => {
                let (path, _) = self.file(key)?;
                let found = path.metadata().map_err(|error| file::unopened(&path, &error))?;
                Ok(found.len())
            }
        }
    }

    /// Reads the whole array `key`.
    pub fn read(&mut self, key: &str) -> Result<Array> {
        self.check_found(key)?;
        match self {
            Arrays::Npz(archive) => archive.read(key),
            Arrays::Directory { .. } => match self.file(key)? {
                (path, Format::Idx) => idx::read(&path),
                (path, Format::Npy) => {
                    npy::read(&file::open(&path)?).map_err(|problem| Error::file(&path, problem))
                }
            },
        }
    }

    /// Maps the array `key`. The inner error says why it cannot be mapped, and how to save it so that it can
    /// be.
    pub fn map(&mut self, key: &str) -> Result<Result<MappedArray, String>> {
        self.check_found(key)?;
        let (path, about, outcome) = match self {
            Arrays::Npz(archive) => {
                let outcome = archive.map(key)?;
                (archive.path().to_owned(), format!("{key}: "), outcome)
            }
            Arrays::Directory { .. } => {
                let (path, format) = self.file(key)?;
                let file = file::open(&path)?;
                let outcome = match format {
                    Format::Idx => idx::map_file(&file),
                    Format::Npy => npy::map_file(&file),
                };
                (path, String::new(), outcome)
            }
        };
        match outcome {
            Ok(mapped) => Ok(Ok(mapped)),
            Err(Unmapped::Unsuited(reason)) => Ok(Err(reason)),
            Err(Unmapped::Broken(problem)) => Err(Error::file(&path, format!("{about}{problem}"))),
        }
    }

    /// File of the array `key`, with its format.
    fn file(&self, key: &str) -> Result<(PathBuf, Format)> {
        if let Arrays::Directory { files, format, .. } = self
            && let Some(file) = files.get(key)
        {
            return Ok((file.clone(), *format));
        }
        Err(self.missing(key))
    }

    /// The error for an array that is not there.
    fn missing(&self, key: &str) -> Error {
        let remedy = match self {
            Arrays::Directory { format: Format::Idx, .. } => "add the file".to_owned(),
            _ => format!(
                "add it, or name arrays with {}, {}, {} and {}",
                Setting::XKey,
                Setting::YKey,
                Setting::XTestKey,
                Setting::YTestKey
            ),
        };
        let problem = format!("has no array {}, only {}; {remedy}", shown(key), self.named());
        Error::file(self.path(), problem)
    }

    fn check_found(&self, key: &str) -> Result<()> {
        if self.keys().contains(&key) { Ok(()) } else { Err(self.missing(key)) }
    }
}

fn npy_files(directory: &Path) -> Result<BTreeMap<String, PathBuf>> {
    let entries = directory.read_dir().map_err(|error| file::unopened(directory, &error))?;
    let mut files = BTreeMap::new();
    for entry in entries {
        let path = entry.map_err(|error| file::unopened(directory, &error))?.path();
        if let (true, Some(stem)) = (is_npy(&path), path.file_stem().and_then(|stem| stem.to_str())) {
            files.insert(stem.to_owned(), path.clone());
        }
    }
    if files.is_empty() {
        let held = directory.read_dir().map_err(|error| file::unopened(directory, &error))?;
        let held: Vec<_> = held.flatten().map(|entry| shown(&entry.file_name().to_string_lossy())).collect();
        let problem = format!(
            "is a directory without the IDX files train-images-idx3-ubyte and train-labels-idx1-ubyte (or these \
             with .gz), and without npy files; it holds {}; name a directory that has either, or one npz with x_train, \
             y_train, x_test and y_test",
            if held.is_empty() { "nothing".to_owned() } else { some_of(&held) }
        );
        return Err(Error::file(directory, problem));
    }
    Ok(files)
}

fn is_npy(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("npy"))
}

/// The IDX files in `directory`, by MNIST's names for them: those without a prefix, or else those of the only one.
///
/// # Errors
/// [`Error::File`] if there are those of several datasets.
fn idx_files(directory: &Path) -> Result<BTreeMap<String, PathBuf>> {
    let entries = directory.read_dir().into_iter().flatten().flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    paths.sort_unstable();
    let mut by_prefix: BTreeMap<String, BTreeMap<String, PathBuf>> = BTreeMap::new();
    for path in paths {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        // Some copies have a dot before `idx`, others a dash. Hidden files are none of them.
        let name = name.strip_suffix(".gz").unwrap_or(name).replace(".idx", "-idx");
        let with_prefix = IDX_NAMES.into_iter().find_map(|usual| {
            let other = usual.replace("t10k", OTHER_TEST);
            Some((usual, name.strip_suffix(usual).or_else(|| name.strip_suffix(&other))?))
        });
        let Some((usual, prefix)) = with_prefix.filter(|_| !name.starts_with('.')) else { continue };
        let files = by_prefix.entry(prefix.to_owned()).or_default();
        // An unpacked file goes before one that is not.
        let is_packed = path.extension().is_some_and(|extension| extension == "gz");
        if !(is_packed && files.contains_key(usual)) {
            files.insert(usual.to_owned(), path.clone());
        }
    }
    by_prefix.retain(|_, files| files.contains_key(IDX_NAMES[0]));
    if let Some(files) = by_prefix.remove("") {
        return Ok(files);
    }
    if by_prefix.len() > 1 {
        let prefixes: Vec<_> = by_prefix.keys().map(|prefix| format!("'{}'", shown(prefix))).collect();
        let problem = format!(
            "holds the IDX files of several datasets, with the prefixes {}; name a directory with those of one",
            some_of(&prefixes)
        );
        return Err(Error::file(directory, problem));
    }
    Ok(by_prefix.into_values().next().unwrap_or_default())
}
