//! Where a data set's arrays are: in an npz by one of the usual names, or in a folder of IDX files.

use std::path::{Path, PathBuf};

use super::labels::targets;
use super::npz::{Archive, Array, Values};
use super::split::{Inputs, Split, check_share};
use super::{Dataset, Standard, idx};
use crate::{Error, Result};

/// How data is read.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LoadOptions {
    /// The npz's array of inputs, and of targets, where they have other names than the usual ones.
    pub x_key: Option<String>,
    /// As `x_key`.
    pub y_key: Option<String>,
    /// The share of the training samples that is held back to be scored, in the place of the test samples. Where there
    /// are none of these, it is a tenth unless set.
    pub validation: Option<f64>,
    /// Whether each feature is shifted and scaled to mean 0 and deviation 1 over the training samples.
    pub standardise: bool,
    /// For the choice of samples that are held back.
    pub seed: u64,
}

/// The share held back where a file has no test samples.
const USUAL_VALIDATION: f64 = 0.1;

/// Usual names of four arrays: inputs and targets to train on, inputs and targets to test on.
const WITH_TEST: [[&str; 4]; 5] = [
    ["x_train", "y_train", "x_test", "y_test"],
    ["X_train", "y_train", "X_test", "y_test"],
    ["X_train", "Y_train", "X_test", "Y_test"],
    ["train_images", "train_labels", "test_images", "test_labels"],
    ["train_data", "train_labels", "test_data", "test_labels"],
];

/// Usual names of two.
const WITHOUT_TEST: [[&str; 2]; 6] =
    [["x", "y"], ["X", "y"], ["X", "Y"], ["data", "target"], ["x_train", "y_train"], ["images", "labels"]];

/// What the files of MNIST and its like are called, before `-ubyte` and `.gz`.
const IDX_NAMES: [&str; 4] =
    ["train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"];

/// Reads a data set as [`Dataset::load_with`] says.
pub(super) fn load(path: &Path, options: &LoadOptions) -> Result<Dataset> {
    if matches!(path.try_exists(), Ok(false)) {
        return Err(Error::file(
            path,
            "no such file; data/mnist.npz ships with the project: run from the project's root, or name \
             an npz or a folder of IDX files with --data",
        ));
    }
    options.validation.map(check_share).transpose()?;
    let (train, test) = if path.is_dir() { from_folder(path)? } else { from_npz(path, options)? };
    let share = options.validation.or(test.is_none().then_some(USUAL_VALIDATION));
    let (mut train, mut test) = match (share, test) {
        (None, Some(test)) => (train, test),
        (share, _) => train
            .held_back(share.unwrap_or(USUAL_VALIDATION), options.seed)
            .map_err(|error| about(path, "", error))?,
    };
    if options.standardise {
        let standard = Standard::of(&train);
        (train, test) = (standard.apply(&train)?, standard.apply(&test)?);
    }
    let data = Dataset { source: path.to_owned(), train, test };
    data.check_splits()?;
    Ok(data)
}

fn from_npz(path: &Path, options: &LoadOptions) -> Result<(Split, Option<Split>)> {
    let mut archive = Archive::open(path)?;
    if options.x_key.is_some() || options.y_key.is_some() {
        let x = options.x_key.as_deref().unwrap_or("x");
        let y = options.y_key.as_deref().unwrap_or("y");
        return Ok((split(&mut archive, x, y)?, None));
    }
    let has = |name: &str| archive.keys().any(|key| key == name);
    // What is there of a layout names it; what is missing of it is then an error of its own.
    let with_test =
        WITH_TEST.into_iter().find(|[x, _, x_test, y_test]| has(x) && (has(x_test) || has(y_test)));
    let without = WITHOUT_TEST.into_iter().find(|[x, y]| has(x) && has(y));
    let without = without.or(WITHOUT_TEST.into_iter().find(|[x, _]| has(x)));
    match (with_test, without) {
        (Some([x, y, x_test, y_test]), _) => {
            Ok((split(&mut archive, x, y)?, Some(split(&mut archive, x_test, y_test)?)))
        }
        (None, Some([x, y])) => Ok((split(&mut archive, x, y)?, None)),
        (None, None) => {
            let keys: Vec<_> = archive.keys().take(8).collect();
            let problem = format!(
                "has arrays {}, and none of the usual names (x_train, y_train, x_test, y_test; train_images, …; x, y); \
                 name them with --x-key and --y-key",
                keys.join(", ")
            );
            Err(Error::file(path, problem))
        }
    }
}

fn from_folder(folder: &Path) -> Result<(Split, Option<Split>)> {
    let paths = IDX_NAMES.map(|name| idx_path(folder, name));
    let [Some(x), Some(y), x_test, y_test] = paths else {
        let problem = "is a folder without the IDX files train-images-idx3-ubyte and train-labels-idx1-ubyte (or \
                       these with .gz); name a folder that has them, or an npz with x_train, y_train, x_test and y_test";
        return Err(Error::file(folder, problem));
    };
    let read = |x: &Path, y: &Path| {
        let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        split_of(folder, (&name(x), idx::read(x)?), (&name(y), idx::read(y)?))
    };
    let test = x_test.zip(y_test).map(|(x, y)| read(&x, &y)).transpose()?;
    Ok((read(&x, &y)?, test))
}

fn idx_path(folder: &Path, name: &str) -> Option<PathBuf> {
    // Some copies have a dot where others have a dash.
    let dotted = name.replace("-idx", ".idx");
    let names = [format!("{name}-ubyte"), format!("{dotted}-ubyte")];
    let all = names.iter().flat_map(|name| [folder.join(name), folder.join(format!("{name}.gz"))]);
    all.into_iter().find(|path| path.is_file())
}

fn split(archive: &mut Archive, x: &str, y: &str) -> Result<Split> {
    let (inputs, answers) = (archive.read(x)?, archive.read(y)?);
    split_of(archive.path(), (x, inputs), (y, answers))
}

fn split_of(path: &Path, (x, inputs_array): (&str, Array), (y, answers): (&str, Array)) -> Result<Split> {
    let fail = |key: &str, problem: String| Error::file(path, format!("{key}: {problem}"));
    let [samples, axes @ ..] = &inputs_array.shape[..] else {
        return Err(fail(x, "is a single number, expected samples along the first axis".into()));
    };
    let (samples, features) = (*samples, axes.iter().product::<usize>());
    let targets = targets(answers).map_err(|problem| fail(y, problem))?;
    let answered = targets.words().len() / targets.width();
    if samples != answered {
        let problem = format!("{x} has {samples} samples and {y} {answered} targets, expected equally many");
        return Err(Error::file(path, problem));
    }
    let inputs = inputs(inputs_array, features).map_err(|problem| fail(x, problem))?;
    Split::new(features, inputs, targets).map_err(|error| about(path, &format!("{x}: "), error))
}

/// What is wrong with a split is wrong with the file that it is from.
fn about(path: &Path, array: &str, error: Error) -> Error {
    match error {
        Error::Usage { problem, .. } => Error::file(path, format!("{array}{problem}")),
        other => other,
    }
}

fn inputs(array: Array, features: usize) -> Result<Inputs, String> {
    let found = array.values.describe();
    match array.values {
        Values::U8(bytes) => Ok(Inputs::U8(bytes)),
        values => {
            let values = values.into_f32().ok_or_else(|| {
                format!("holds {found}, expected uint8 or floats; save it with .astype(np.float32), scaled as you like")
            })?;
            match values.iter().position(|value| !value.is_finite()) {
                Some(at) => Err(format!(
                    "holds {} (as float32) in sample {}, feature {}, expected finite numbers",
                    values[at],
                    at / features,
                    at % features
                )),
                None => Ok(Inputs::F32(values)),
            }
        }
    }
}
