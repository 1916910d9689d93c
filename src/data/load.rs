//! Which of a file's arrays make a data set, and whether its inputs are read or mapped.

use std::path::Path;

use super::arrays::Arrays;
use super::labels::targets;
use super::npz::{Array, Values};
use super::split::{Inputs, Split, check_share, not_finite};
use super::{Dataset, Targets, synthetic};
use crate::memory::available_host_bytes;
use crate::{Error, Result};

/// How data is read.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LoadOptions {
    /// The array of inputs in an npz or a folder of npy files, and of targets, where they have other names than the usual ones.
    pub x_key: Option<String>,
    /// As `x_key`.
    pub y_key: Option<String>,
    /// The share of the training samples that is held back to be scored, in the place of the test samples. Where there
    /// are none of these, it is a tenth unless set.
    pub validation: Option<f64>,
    /// For the choice of samples that are held back.
    pub seed: u64,
    /// Whether inputs stay in their file and are read when they are used, however small they are. Unless it is set, that is so
    /// of arrays that would take more than a quarter of the memory that the system says is available. Only plain arrays of
    /// `uint8` and little-endian `float32` in C order can be.
    ///
    /// A file must not be changed as long as anything read from it is in use: other numbers may be read, and where it is
    /// cut off, the system ends the program.
    pub map_data: bool,
}

/// Inputs are mapped where they would take more than one part in so many of the memory that is available: holding samples
/// back and standardising them make copies.
const MAPPED_PART: u64 = 4;

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

/// Reads a data set as [`Dataset::load_with`] says.
pub(super) fn load(path: &Path, options: &LoadOptions) -> Result<Dataset> {
    options.validation.map(check_share).transpose()?;
    let (train, test) = match recipe(path) {
        Some(recipe) => made_up(recipe, options)?,
        None => splits(&mut open(path)?, options)?,
    };
    let share = options.validation.or(test.is_none().then_some(USUAL_VALIDATION));
    let (train, test) = match (share, test) {
        (None, Some(test)) => (train, test),
        (share, _) => train
            .held_back(share.unwrap_or(USUAL_VALIDATION), options.seed)
            .map_err(|error| about(path, "", error))?,
    };
    let data = Dataset { source: path.to_owned(), train, test };
    data.check_splits()?;
    Ok(data)
}

/// Reads what a trained network is asked about, as [`Dataset::load_for_inference`] says.
pub(super) fn load_for_inference(path: &Path, options: &LoadOptions) -> Result<(Dataset, bool)> {
    if recipe(path).is_some() || options.validation.is_some() {
        return Ok((load(path, options)?, true));
    }
    let mut arrays = open(path)?;
    let (x, y) = asked_names(&arrays, options)?;
    let is_answered = options.y_key.is_some() || arrays.keys().contains(&&y[..]);
    let test = split(&mut arrays, &x, is_answered.then_some(&y[..]), options)?;
    let data = Dataset { source: path.to_owned(), train: test.rows(&[0])?, test };
    Ok((data, is_answered))
}

/// What the arrays of samples that are asked about are called: those to test on, or else all there are.
fn asked_names(arrays: &Arrays, options: &LoadOptions) -> Result<(String, String)> {
    let keys = arrays.keys();
    let has = |name: &str| keys.contains(&name);
    let named = options.x_key.is_some() || options.y_key.is_some();
    let to_test = WITH_TEST.map(|[_, _, x, y]| [x, y]);
    let whole = to_test.into_iter().find(|[x, y]| has(x) && has(y));
    if let Some([x, y]) = whole.or(to_test.into_iter().find(|[x, _]| has(x))).filter(|_| !named) {
        return Ok((x.to_owned(), y.to_owned()));
    }
    let [x, y, x_test, y_test] = layout(arrays, options)?;
    Ok(if x_test.is_empty() { (x, y) } else { (x_test, y_test) })
}

/// What is to be made up, where `path` says that.
fn recipe(path: &Path) -> Option<&str> {
    path.to_str()?.strip_prefix(synthetic::PREFIX)
}

fn made_up(text: &str, options: &LoadOptions) -> Result<(Split, Option<Split>)> {
    for (flag, is_given) in [
        ("--x-key", options.x_key.is_some()),
        ("--y-key", options.y_key.is_some()),
        ("--map-data", options.map_data),
    ] {
        if is_given {
            return Err(Error::usage(flag, "is for data in files, found synthetic data; leave it out"));
        }
    }
    let [train, test] = synthetic::make(text)?;
    Ok((train, Some(test)))
}

fn open(path: &Path) -> Result<Arrays> {
    if matches!(path.try_exists(), Ok(false)) {
        return Err(Error::file(
            path,
            "no such file; data/mnist.npz ships with the project: run from the project's root, or name \
             an npz, a folder of npy or IDX files, or synthetic:blobs with --data",
        ));
    }
    Arrays::open(path)
}

fn splits(arrays: &mut Arrays, options: &LoadOptions) -> Result<(Split, Option<Split>)> {
    let [x, y, x_test, y_test] = layout(arrays, options)?;
    let test = (!x_test.is_empty()).then(|| split(arrays, &x_test, Some(&y_test), options)).transpose()?;
    Ok((split(arrays, &x, Some(&y), options)?, test))
}

/// What the arrays are called; those to test on have no name where there are none.
fn layout(arrays: &Arrays, options: &LoadOptions) -> Result<[String; 4]> {
    let none = "";
    let keys = arrays.keys();
    let has = |name: &str| keys.contains(&name);
    if let Some([x, y, x_test, y_test]) = arrays.layout() {
        let [x_test, y_test] = if has(x_test) && has(y_test) { [x_test, y_test] } else { [none; 2] };
        return Ok([x, y, x_test, y_test].map(str::to_owned));
    }
    if options.x_key.is_some() || options.y_key.is_some() {
        let x = options.x_key.as_deref().unwrap_or("x");
        let y = options.y_key.as_deref().unwrap_or("y");
        return Ok([x, y, none, none].map(str::to_owned));
    }
    // What is there of a layout names it; what is missing of it is then an error of its own.
    let with_test =
        WITH_TEST.into_iter().find(|[x, _, x_test, y_test]| has(x) && (has(x_test) || has(y_test)));
    let without = WITHOUT_TEST.into_iter().find(|[x, y]| has(x) && has(y));
    let without = without.or(WITHOUT_TEST.into_iter().find(|[x, _]| has(x)));
    let found = with_test.or(without.map(|[x, y]| [x, y, none, none]));
    found.map(|names| names.map(str::to_owned)).ok_or_else(|| {
        let problem = format!(
            "has arrays {}, and none of the usual names (x_train, y_train, x_test, y_test; train_images, …; x, y); \
             name them with --x-key and --y-key",
            arrays.named()
        );
        Error::file(arrays.path(), problem)
    })
}

/// The samples in `x`, with the targets in `y`; without these, class 0 stands for what is not known.
fn split(arrays: &mut Arrays, x: &str, y: Option<&str>, options: &LoadOptions) -> Result<Split> {
    let path = arrays.path().to_owned();
    let fail = |key: &str, problem: String| Error::file(&path, format!("{key}: {problem}"));
    let (shape, inputs) = inputs(arrays, x, options)?;
    let [samples, axes @ ..] = &shape[..] else {
        return Err(fail(x, "is a single number, expected samples along the first axis".into()));
    };
    let (samples, features) = (*samples, axes.iter().product::<usize>());
    let targets = match y {
        Some(y) => targets(arrays.read(y)?).map_err(|problem| fail(y, problem))?,
        None => Targets::Classes(vec![0; samples]),
    };
    let answered = targets.words().len() / targets.width();
    if samples != answered {
        let y = y.unwrap_or_default();
        let problem = format!("{x} has {samples} samples and {y} {answered} targets, expected equally many");
        return Err(Error::file(&path, problem));
    }
    Split::new(features, inputs, targets).map_err(|error| about(&path, &format!("{x}: "), error))
}

/// The inputs in `key` and their shape, mapped where that is asked for, or where they would take too much of the memory
/// that is available and can be mapped.
fn inputs(arrays: &mut Arrays, key: &str, options: &LoadOptions) -> Result<(Vec<usize>, Inputs)> {
    let (bytes, available) = (arrays.bytes(key)?, available_host_bytes().unwrap_or(u64::MAX));
    if options.map_data || bytes > available / MAPPED_PART {
        match arrays.map(key)? {
            Ok((shape, mapped)) => return Ok((shape, Inputs::Mapped(mapped))),
            Err(reason) if options.map_data => {
                let problem = format!("{key}: {reason}, or leave out --map-data");
                return Err(Error::file(arrays.path(), problem));
            }
            Err(reason) if bytes > available => {
                let problem = format!(
                    "{key}: takes {bytes} bytes, and the host has {available} available; it {reason}"
                );
                return Err(Error::file(arrays.path(), problem));
            }
            Err(_) => {}
        }
    }
    let Array { shape, values } = arrays.read(key)?;
    let features = shape.get(1..).unwrap_or_default().iter().product();
    let inputs = in_memory(values, features);
    Ok((shape, inputs.map_err(|problem| Error::file(arrays.path(), format!("{key}: {problem}")))?))
}

/// What is wrong with a split is wrong with the file that it is from.
fn about(path: &Path, array: &str, error: Error) -> Error {
    match error {
        Error::Usage { problem, .. } => Error::file(path, format!("{array}{problem}")),
        other => other,
    }
}

fn in_memory(values: Values, features: usize) -> Result<Inputs, String> {
    let found = values.describe();
    match values {
        Values::U8(bytes) => Ok(Inputs::U8(bytes)),
        values => {
            let values = values.into_f32().ok_or_else(|| {
                format!("holds {found}, expected uint8 or floats; save it with .astype(np.float32), scaled as you like")
            })?;
            match values.iter().position(|value| !value.is_finite()) {
                Some(at) => Err(not_finite(values[at], at, features)),
                None => Ok(Inputs::F32(values)),
            }
        }
    }
}
