//! Loading a dataset: which arrays of a file it is made of, and whether inputs are read or mapped.

use std::path::Path;

use super::arrays::{Arrays, some_of};
use super::dataset::Dataset;
use super::element::{CoarseFeature, coarse_feature, not_finite};
use super::inputs::Inputs;
use super::mapped::MappedArray;
use super::npz::{Array, Values, shown};
use super::split::{HeldOut, Split, check_share};
use super::synthetic;
use super::targets::{TargetKind, Targets};
use crate::memory::{available_host_bytes, check_host_room};
use crate::{Error, Result, Setting};

/// How a dataset is loaded.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LoadOptions {
    /// Name of the array of inputs in an npz or a directory of npy files; `None` for one of the usual names.
    pub x_key: Option<String>,
    /// Name of the array of targets; `None` for one of the usual names.
    pub y_key: Option<String>,
    /// Name of the array of test inputs, to go with [`LoadOptions::x_key`]; needs [`LoadOptions::y_test_key`], too.
    pub x_test_key: Option<String>,
    /// Name of the array of test targets.
    pub y_test_key: Option<String>,
    /// Whether targets are class labels or numbers.
    pub targets: TargetKind,
    /// Share of the training samples to hold out, below 1; the held-out split replaces the test split. 0 holds out
    /// nothing: without a test split, the network is evaluated on the training samples. `None` holds out a tenth if there is
    /// no test split, else nothing.
    pub validation: Option<f64>,
    /// Seed for the choice of held-out samples.
    pub seed: u64,
    /// Maps inputs into memory whatever their size. If `false`, only arrays that would take more than a
    /// quarter of the host's available memory are mapped. Only uncompressed arrays of `uint8` or
    /// little-endian `float32` in C order can be.
    ///
    /// A mapped file must not be changed while it is in use: other values may be read, and if it is
    /// truncated, the system ends the program.
    pub map_data: bool,
}

/// Arrays that would take more than this fraction (1 / `MAPPED_PART`) of available memory are mapped, because
/// holding out samples and scaling features make copies.
const MAPPED_PART: u64 = 4;

/// Share of samples that is held out if a file has no test split.
const USUAL_VALIDATION: f64 = 0.1;

/// Usual names of inputs and targets of the training split and of the test split.
const WITH_TEST: [[&str; 4]; 5] = [
    ["x_train", "y_train", "x_test", "y_test"],
    ["X_train", "y_train", "X_test", "y_test"],
    ["X_train", "Y_train", "X_test", "Y_test"],
    ["train_images", "train_labels", "test_images", "test_labels"],
    ["train_data", "train_labels", "test_data", "test_labels"],
];

/// Usual names of inputs and targets without a test split.
const WITHOUT_TEST: [[&str; 2]; 6] =
    [["x", "y"], ["X", "y"], ["X", "Y"], ["data", "target"], ["x_train", "y_train"], ["images", "labels"]];

impl Dataset {
    /// Loads the dataset at `path` with default options, as [`Dataset::load_with`].
    ///
    /// # Errors
    /// As [`Dataset::load_with`].
    pub fn load(path: &Path) -> Result<Dataset> {
        Dataset::load_with(path, &LoadOptions::default())
    }

    /// Loads an npz archive, a directory of npy or IDX files, or, if `path` begins with `synthetic:`,
    /// generated data.
    ///
    /// An archive or npy files hold `x_train`, `y_train`, `x_test` and `y_test`, or arrays of other usual
    /// names. Inputs are `(n, …)`, flattened to `n` samples; bytes stay bytes, other numbers become `f32`. Targets
    /// are `(n,)` or `(n, k)`, and class labels or numbers by [`LoadOptions::targets`].
    ///
    /// # Errors
    /// [`Error::File`] names an array and its problem, [`Error::Usage`] an invalid option, and
    /// [`Error::DoesNotFit`] says what exceeds the host's memory.
    pub fn load_with(path: &Path, options: &LoadOptions) -> Result<Dataset> {
        Dataset::load_noting(path, options).map(|LoadedData { data, .. }| data)
    }

    /// As [`Dataset::load_with`], with notes on what its user might not expect: samples that are held out or not, arrays that are
    /// not used, and splits of different kinds.
    ///
    /// # Errors
    /// As [`Dataset::load_with`].
    pub fn load_noting(path: &Path, options: &LoadOptions) -> Result<LoadedData> {
        let share = options.validation.filter(|&share| share != 0.0);
        share.map(check_share).transpose()?;
        let mut notes = Vec::new();
        let Splits { train, test } = match recipe(path) {
            Some(recipe) => generate(recipe, options)?,
            None => splits(&mut open(path)?, options, &mut notes)?,
        };
        let source = path.display();
        let (train, test) = match (share, test) {
            (None, Some(test)) => (train, test),
            (None, None) if options.validation.is_some() => {
                notes.push(format!(
                    "{source} has no test split and nothing is held out: tests are on the training samples"
                ));
                let bytes = (train.len() * train.features() * train.inputs().value_bytes()) as u64;
                if !matches!(train.inputs(), Inputs::Mapped(_)) {
                    let remedy = format!("use {}, which copies nothing", Setting::MapData.with(true));
                    check_host_room("training samples and a copy for tests", bytes, &remedy)?;
                }
                (train.clone(), train)
            }
            (share, test) => {
                let held_out = train.hold_out(share.unwrap_or(USUAL_VALIDATION), options.seed);
                let HeldOut { train, test: held } = held_out.map_err(|error| about(path, "", error))?;
                if share.is_none() && test.is_none() {
                    notes.push(format!(
                        "{source} has no test split: {} of its {} samples are held out for tests; {} sets the share",
                        held.len(),
                        train.len() + held.len(),
                        Setting::Validation
                    ));
                }
                (train, held)
            }
        };
        let data = Dataset { source: path.to_owned(), train, test };
        data.check_splits()?;
        let kinds = [&data.train, &data.test].map(|split| split.inputs().value_bytes());
        if kinds[0] != kinds[1] {
            let [train, test] = kinds.map(|bytes| {
                if bytes == 1 { "bytes, which are scaled by 1/255" } else { "floats, which are not scaled" }
            });
            notes.push(format!("{source}: training inputs are {train}, and test inputs {test}"));
        }
        Ok(LoadedData { data, notes })
    }

    /// Loads samples to evaluate a trained network on, as the test split. They are the held-out samples if
    /// `options` ask for them, else the test split at `path`, else all samples there, in their order. The
    /// training split is only a placeholder: the first of these samples.
    ///
    /// Targets may be missing unless `options` name them; class 0 then takes their place.
    ///
    /// # Errors
    /// As [`Dataset::load_with`].
    pub fn load_for_inference(path: &Path, options: &LoadOptions) -> Result<InferenceData> {
        if recipe(path).is_some() || options.validation.is_some_and(|share| share != 0.0) {
            return Ok(InferenceData { data: Dataset::load_with(path, options)?, has_targets: true });
        }
        let mut arrays = open(path)?;
        let Names { x, y } = inference_names(&arrays, options)?;
        let are_named = options.y_key.is_some() || options.y_test_key.is_some();
        let has_targets = are_named || arrays.keys().contains(&&y[..]);
        let read = Read::of(&mut arrays, Names { x, y }, has_targets, options)?;
        let test = read.split(arrays.path(), options.targets)?;
        let data = Dataset { source: path.to_owned(), train: test.rows(&[0])?, test };
        Ok(InferenceData { data, has_targets })
    }
}

/// A dataset as it was loaded.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadedData {
    /// The dataset.
    pub data: Dataset,
    /// A line about each thing that its user might not expect.
    pub notes: Vec<String>,
}

/// Samples to evaluate a trained network on.
#[derive(Debug, Clone, PartialEq)]
pub struct InferenceData {
    /// Dataset whose test split has the samples.
    pub data: Dataset,
    /// `false` if the samples came without targets, and class 0 takes their place.
    pub has_targets: bool,
}

/// Names of the arrays of a split.
struct Names {
    x: String,
    y: String,
}

impl From<[&str; 2]> for Names {
    fn from([x, y]: [&str; 2]) -> Self {
        Names { x: x.to_owned(), y: y.to_owned() }
    }
}

/// Names of all arrays of a dataset.
struct Layout {
    train: Names,
    test: Option<Names>,
}

/// Splits as a file has them.
struct Splits {
    train: Split,
    test: Option<Split>,
}

/// Names of the arrays to evaluate on: those of the test split, or else of all samples.
fn inference_names(arrays: &Arrays, options: &LoadOptions) -> Result<Names> {
    let keys = arrays.keys();
    let has = |name: &str| keys.contains(&name);
    let given = [&options.x_key, &options.y_key, &options.x_test_key, &options.y_test_key];
    let are_given = given.iter().any(|key| key.is_some());
    let of_test = WITH_TEST.map(|[_, _, x, y]| [x, y]);
    let complete = of_test.into_iter().find(|[x, y]| has(x) && has(y));
    if let Some(names) = complete.or(of_test.into_iter().find(|[x, _]| has(x))).filter(|_| !are_given) {
        return Ok(Names::from(names));
    }
    let Layout { train, test } = layout(arrays, options)?;
    Ok(test.unwrap_or(train))
}

/// Recipe of synthetic data, if `path` is one.
fn recipe(path: &Path) -> Option<&str> {
    path.to_str()?.strip_prefix(synthetic::PREFIX)
}

fn generate(recipe: &str, options: &LoadOptions) -> Result<Splits> {
    for (setting, is_given) in [
        (Setting::XKey, options.x_key.is_some()),
        (Setting::YKey, options.y_key.is_some()),
        (Setting::XTestKey, options.x_test_key.is_some()),
        (Setting::YTestKey, options.y_test_key.is_some()),
        (Setting::MapData, options.map_data),
    ] {
        if is_given {
            return Err(Error::usage(setting, "is for data in files, found synthetic data; leave it out"));
        }
    }
    let [train, test] = synthetic::make(recipe)?;
    Ok(Splits { train, test: Some(test) })
}

fn open(path: &Path) -> Result<Arrays> {
    if matches!(path.try_exists(), Ok(false)) {
        return Err(Error::file(
            path,
            format!(
                "no such file or directory; name an npz, a directory of npy or IDX files, or synthetic:blobs with {} \
                 (data/mnist.npz is in the root of the repository)",
                Setting::Data
            ),
        ));
    }
    Arrays::open(path)
}

fn splits(arrays: &mut Arrays, options: &LoadOptions, notes: &mut Vec<String>) -> Result<Splits> {
    let Layout { train, test } = layout(arrays, options)?;
    let unused = arrays.keys().into_iter().filter(|key| {
        let mut used =
            [Some(&train), test.as_ref()].into_iter().flatten().flat_map(|names| [&names.x, &names.y]);
        !used.any(|used| used == key)
    });
    let unused: Vec<_> = unused.map(shown).collect();
    if !unused.is_empty() {
        notes.push(format!("not used of {}: {}", arrays.path().display(), some_of(&unused)));
    }
    let mut read = |names: Names| Read::of(arrays, names, true, options);
    let test = test.map(&mut read).transpose()?;
    let train = read(train)?;
    let targets =
        [Some(&train), test.as_ref()].into_iter().flatten().filter_map(|read| read.targets.as_ref());
    let kind = options.targets.of_all(targets);
    if let Some(targets) = train.targets.as_ref().filter(|targets| kind.passes_over_classes(targets)) {
        let rows = targets.shape.first().copied().unwrap_or(0);
        notes.push(format!(
            "the {rows} rows of {} are one-hot, but numbers for this loss function; {} takes them as classes",
            shown(&train.names.y),
            Setting::Targets.with("classes")
        ));
    }
    notes.extend([Some(&train), test.as_ref()].into_iter().flatten().filter_map(|read| read.note.clone()));
    let test = test.map(|read| read.split(arrays.path(), kind)).transpose()?;
    Ok(Splits { train: train.split(arrays.path(), kind)?, test })
}

/// Names of the arrays that `options` or one of the usual layouts select.
fn layout(arrays: &Arrays, options: &LoadOptions) -> Result<Layout> {
    let keys = arrays.keys();
    let has = |name: &str| keys.contains(&name);
    if let Some([x, y, x_test, y_test]) = arrays.idx_names() {
        for (setting, key) in [
            (Setting::XKey, &options.x_key),
            (Setting::YKey, &options.y_key),
            (Setting::XTestKey, &options.x_test_key),
            (Setting::YTestKey, &options.y_test_key),
        ] {
            if key.is_some() {
                return Err(Error::usage(setting, "IDX files have names of their own; leave it out"));
            }
        }
        let test = (has(x_test) && has(y_test)).then(|| Names::from([x_test, y_test]));
        return Ok(Layout { train: Names::from([x, y]), test });
    }
    let test = match (&options.x_test_key, &options.y_test_key) {
        (Some(x), Some(y)) => Some(Names::from([&x[..], y])),
        (None, None) => None,
        (Some(_), None) => {
            return Err(Error::usage(Setting::XTestKey, format!("needs {}, too", Setting::YTestKey)));
        }
        (None, Some(_)) => {
            return Err(Error::usage(Setting::YTestKey, format!("needs {}, too", Setting::XTestKey)));
        }
    };
    if options.x_key.is_some() || options.y_key.is_some() {
        let x = options.x_key.as_deref().unwrap_or("x");
        let y = options.y_key.as_deref().unwrap_or("y");
        return Ok(Layout { train: Names::from([x, y]), test });
    }
    // Part of a layout selects it, so that reading it reports the part that is missing.
    let with_test =
        WITH_TEST.into_iter().find(|[x, _, x_test, y_test]| has(x) && (has(x_test) || has(y_test)));
    if let Some([x, y, x_test, y_test]) = with_test {
        let test = test.unwrap_or(Names::from([x_test, y_test]));
        return Ok(Layout { train: Names::from([x, y]), test: Some(test) });
    }
    let complete = WITHOUT_TEST.into_iter().find(|[x, y]| has(x) && has(y));
    let names = complete.or(WITHOUT_TEST.into_iter().find(|[x, _]| has(x)));
    names.map(|names| Layout { train: Names::from(names), test }).ok_or_else(|| {
        let problem = format!(
            "has arrays {}, and none of the usual names (x_train, y_train, x_test, y_test; train_images, …; x, y); \
             name them with {} and {}",
            arrays.named(),
            Setting::XKey,
            Setting::YKey
        );
        Error::file(arrays.path(), problem)
    })
}

/// The arrays of a split.
struct Read {
    names: Names,
    /// Shape of the inputs.
    shape: Vec<usize>,
    inputs: Inputs,
    targets: Option<Array>,
    /// A note about inputs that lose digits.
    note: Option<String>,
}

impl Read {
    /// Reads or maps the inputs named, and reads the targets if there are any.
    fn of(arrays: &mut Arrays, names: Names, has_targets: bool, options: &LoadOptions) -> Result<Self> {
        let (shape, inputs, coarse) = inputs(arrays, &names.x, options)?;
        let note = coarse.map(|CoarseFeature { feature, span, far }| {
            format!(
                "{}: feature {feature} of {} spans {span:.3e} at up to {far:.3e}, which float32 rounds to few digits; subtract an \
                 offset before you save it",
                arrays.path().display(),
                shown(&names.x)
            )
        });
        let targets = has_targets.then(|| arrays.read(&names.y)).transpose()?;
        Ok(Read { names, shape, inputs, targets, note })
    }

    /// The samples, with targets of this `kind`, or with class 0 in their place. `path` is that of the arrays.
    fn split(self, path: &Path, kind: TargetKind) -> Result<Split> {
        let Read { names: Names { x, y }, shape, inputs, targets, note: _ } = self;
        let fail = |key: &str, problem: String| Error::file(path, format!("{}: {problem}", shown(key)));
        let [samples, axes @ ..] = &shape[..] else {
            return Err(fail(&x, "is a single number, expected samples along the first axis".into()));
        };
        let (samples, features) = (*samples, axes.iter().product::<usize>());
        let targets = match targets {
            Some(array) => Targets::from_array(array, kind).map_err(|problem| fail(&y, problem))?,
            None => Targets::Classes(vec![0; samples]),
        };
        let count = targets.words().len() / targets.width();
        if samples != count {
            let problem = format!(
                "{} has {samples} samples and {} {count} targets, expected equally many",
                shown(&x),
                shown(&y)
            );
            return Err(Error::file(path, problem));
        }
        let split = Split::new(features, inputs, targets);
        let split = split.map_err(|error| about(path, &format!("{}: ", shown(&x)), error))?;
        Ok(split.with_targets_named(&y))
    }
}

/// Reads or maps the array `key`: its shape and inputs. It is mapped if the options ask for it, or if it is
/// large and can be mapped. Also returns a feature that loses digits, as [`coarse_feature`] does.
fn inputs(
    arrays: &mut Arrays,
    key: &str,
    options: &LoadOptions,
) -> Result<(Vec<usize>, Inputs, Option<CoarseFeature>)> {
    let (bytes, available) = (arrays.bytes(key)?, available_host_bytes().unwrap_or(u64::MAX));
    if options.map_data || bytes > available / MAPPED_PART {
        match arrays.map(key)? {
            Ok(MappedArray { shape, mapped }) => return Ok((shape, Inputs::Mapped(mapped), None)),
            Err(reason) if options.map_data => {
                let problem = format!("{key}: {reason}, or use {}", Setting::MapData.with(false));
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
    let coarse = match &values {
        Values::F64(values) => coarse_feature(values.iter().copied(), features),
        Values::I64(values) => coarse_feature(values.iter().map(|&n| n as f64), features),
        _ => None,
    };
    let inputs = in_memory(values, features);
    let inputs =
        inputs.map_err(|problem| Error::file(arrays.path(), format!("{}: {problem}", shown(key))))?;
    Ok((shape, inputs, coarse))
}

/// Reports a problem of a split as one of the file that it was read from.
fn about(path: &Path, array: &str, error: Error) -> Error {
    match error {
        Error::Usage { problem, .. } => Error::file(path, format!("{array}{problem}")),
        other => other,
    }
}

fn in_memory(values: Values, features: usize) -> Result<Inputs, String> {
    let values = match values {
        Values::U8(bytes) => return Ok(Inputs::U8(bytes)),
        values => values.into_f32(),
    };
    match values.iter().position(|value| !value.is_finite()) {
        Some(at) => Err(not_finite(values[at], at, features)),
        None => Ok(Inputs::F32(values)),
    }
}
