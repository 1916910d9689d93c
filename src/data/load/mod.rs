//! Loading a dataset: which arrays or columns it is made of, and what is done to them before training.

mod layout;
mod read;
mod tables;

use std::path::Path;

use super::arrays::Arrays;
use super::dataset::{Dataset, EvaluatedOn};
use super::feature_scaling::FeatureScaling;
use super::imputation::{Fill, Imputation};
use super::inputs::Inputs;
use super::npz::{shown, some_of};
use super::preprocessing::Preprocessing;
use super::split::{HeldOut, Split, check_share};
use super::synthetic;
use super::table::Column;
use super::targets::{TargetKind, Targets};
use crate::memory::check_host_room;
use crate::{Error, Result, Setting};
use layout::{Layout, inference_names, layout};
use read::{Read, about};
use tables::Tables;

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
    /// Name of the column of targets in a table, or names with commas between them; `None` for a usual name.
    pub target: Option<String>,
    /// Names of columns of a table that are neither features nor targets.
    pub drop: Vec<String>,
    /// Whether targets are class labels or numbers.
    pub targets: TargetKind,
    /// Factor that inputs are multiplied by, in place of 1/255 for bytes and 1 for other numbers.
    pub scale: Option<f32>,
    /// What takes the place of missing values; `None` refuses them.
    pub impute: Option<Fill>,
    /// Adds a feature for each that misses values, which is 1 where it does; needs [`LoadOptions::impute`].
    pub impute_indicators: bool,
    /// Scales each feature to mean 0 and standard deviation 1 over the training split; `None` does so for tables.
    pub standardise: Option<bool>,
    /// Scales targets that are numbers likewise; `None` does so for tables, unless the targets must be from 0 to 1.
    pub standardise_targets: Option<bool>,
    /// Share of the training samples to hold out and evaluate on, below 1; a test split is left for after training. 0 holds out
    /// nothing: without another split, the network is evaluated on the training samples. `None` holds out a tenth if there is
    /// neither a validation nor a test split, else nothing.
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

/// Share of samples that is held out if a file has no test split.
const USUAL_VALIDATION: f64 = 0.1;

impl LoadOptions {
    /// Names of arrays, with their settings.
    fn keys(&self) -> [(Setting, &Option<String>); 4] {
        [
            (Setting::XKey, &self.x_key),
            (Setting::YKey, &self.y_key),
            (Setting::XTestKey, &self.x_test_key),
            (Setting::YTestKey, &self.y_test_key),
        ]
    }

    /// # Errors
    /// [`Error::Usage`] with `problem` if an array is named.
    fn refuse_keys(&self, problem: &str) -> Result<()> {
        match self.keys().into_iter().find(|(_, key)| key.is_some()) {
            Some((setting, _)) => Err(Error::usage(setting, problem)),
            None => Ok(()),
        }
    }

    /// # Errors
    /// [`Error::Usage`] with `problem` if a column is named.
    fn refuse_columns(&self, problem: &str) -> Result<()> {
        let given = [(Setting::Target, self.target.is_some()), (Setting::Drop, !self.drop.is_empty())];
        match given.into_iter().find(|(_, is_given)| *is_given) {
            Some((setting, _)) => Err(Error::usage(setting, problem)),
            None => Ok(()),
        }
    }

    fn check(&self) -> Result<()> {
        if let Some(scale) = self.scale.filter(|scale| !scale.is_normal()) {
            let problem = format!("found {scale}, expected a number other than 0");
            return Err(Error::usage(Setting::Scale, problem));
        }
        if self.impute_indicators && self.impute.is_none() {
            let problem = format!("needs {}, which says what missing values become", Setting::Impute);
            return Err(Error::usage(Setting::ImputeIndicators, problem));
        }
        for (setting, is_given) in
            [(Setting::Scale, self.scale.is_some()), (Setting::Impute, self.impute.is_some())]
        {
            if is_given && self.map_data {
                let problem =
                    format!("found beside {setting}, which needs inputs in memory; leave out one of the two");
                return Err(Error::usage(Setting::MapData, problem));
            }
        }
        Ok(())
    }

    /// How arrays become inputs for training, where features and targets are standardised or not.
    fn conversion(&self, standardises: bool, standardises_targets: bool) -> Conversion {
        Conversion {
            map_data: self.map_data,
            scale: self.scale,
            keeps_missing: self.impute.is_some(),
            is_offset: standardises,
            are_targets_offset: standardises_targets,
            is_training: true,
        }
    }
}

/// How arrays become inputs and targets.
#[derive(Debug, Clone, Copy)]
struct Conversion {
    map_data: bool,
    /// Factor that inputs are multiplied by, if it is not the usual one.
    scale: Option<f32>,
    /// Keeps missing values, which something will take the place of.
    keeps_missing: bool,
    /// Takes the first sample off wide inputs before they are rounded, because they will be standardised.
    is_offset: bool,
    /// The same for targets.
    are_targets_offset: bool,
    /// `true` for training, where options are at hand; `false` for a trained network.
    is_training: bool,
}

impl Conversion {
    /// As the network with this `preprocessing` was trained.
    fn of(preprocessing: &Preprocessing, options: &LoadOptions) -> Result<Self> {
        let conversion = Conversion {
            map_data: options.map_data,
            scale: preprocessing.scale,
            keeps_missing: preprocessing.imputation.is_some(),
            is_offset: preprocessing.scaling.is_some(),
            are_targets_offset: false,
            is_training: false,
        };
        if conversion.map_data && (conversion.scale.is_some() || conversion.keeps_missing) {
            let problem =
                "the network was trained on scaled or imputed inputs, which are held in memory; leave it out";
            return Err(Error::usage(Setting::MapData, problem));
        }
        Ok(conversion)
    }
}

impl Dataset {
    /// Loads the dataset at `path` with default options, as [`Dataset::load_with`].
    ///
    /// # Errors
    /// As [`Dataset::load_with`].
    pub fn load(path: &Path) -> Result<Dataset> {
        Dataset::load_with(path, &LoadOptions::default())
    }

    /// The dataset of [`Dataset::load_noting`], without the rest.
    ///
    /// # Errors
    /// As [`Dataset::load_noting`].
    pub fn load_with(path: &Path, options: &LoadOptions) -> Result<Dataset> {
        Dataset::load_noting(path, options).map(|LoadedData { data, .. }| data)
    }

    /// Loads a CSV or TSV table, an npz archive, a directory of tables, npy or IDX files, or, if `path` begins with
    /// `synthetic:`, generated data.
    ///
    /// An archive or npy files hold `x_train`, `y_train`, `x_test` and `y_test`, or arrays of other usual
    /// names. Inputs are `(n, …)`, flattened to `n` samples; bytes stay bytes, other numbers become `f32`. Targets
    /// are `(n,)` or `(n, k)`, and class labels or numbers by [`LoadOptions::targets`]. In a table, columns of texts are one-hot
    /// encoded.
    ///
    /// # Errors
    /// [`Error::File`] names an array or a column and its problem, [`Error::Usage`] an invalid option, and
    /// [`Error::DoesNotFit`] says what exceeds the host's memory.
    pub fn load_noting(path: &Path, options: &LoadOptions) -> Result<LoadedData> {
        options.check()?;
        let share = options.validation.filter(|&share| share != 0.0);
        share.map(check_share).transpose()?;
        let mut notes = Vec::new();
        let source = Source::open(path, options)?;
        let is_table = matches!(source, Source::Tables(_));
        // Targets of some losses must be from 0 to 1.
        let takes_any_number = !matches!(options.targets, TargetKind::ByValue | TargetKind::Classes);
        let asks_for_targets = options.standardise_targets == Some(true);
        let standardises = options.standardise.unwrap_or(is_table);
        let standardises_targets = options.standardise_targets.unwrap_or(is_table && takes_any_number);
        let conversion = options.conversion(standardises, standardises_targets);
        let Splits { train, validation, test, columns, targets, classes } =
            source.splits(options, conversion, &mut notes)?;
        let (data, test) = divided(path, train, [validation, test], share, options, &mut notes)?;
        data.check_splits()?;
        let kind = data.train.input_kind();
        let others = [(data.evaluated_on, Some(&data.test)), (EvaluatedOn::Test, test.as_ref())];
        for (name, other) in
            others.into_iter().filter_map(|(on, split)| Some((on.name(), split?.input_kind())))
        {
            if other != kind {
                let (train, other) = (kind.describe(), other.describe());
                notes.push(format!(
                    "{}: training inputs are {train}, and {name} inputs {other}",
                    path.display()
                ));
            }
        }
        let target_kind = match data.train.targets() {
            Targets::Classes(_) => TargetKind::Classes,
            Targets::Regression { .. } => TargetKind::Numbers,
        };
        let learned = Preprocessing {
            columns,
            targets,
            classes,
            input_kind: Some(kind),
            target_kind: Some(target_kind),
            scale: options.scale,
            ..Preprocessing::default()
        };
        if asks_for_targets && !data.train.labels().is_empty() {
            let problem = "is for targets that are numbers, found class labels; leave it out";
            return Err(Error::usage(Setting::StandardiseTargets, problem));
        }
        let (data, preprocessing) = prepared(data, learned, options, conversion)?;
        let test = test.map(|test| preprocessing.apply(test.with_whole_targets())).transpose()?;
        let test = test.map(|test| data.to_test_on(test)).transpose()?;
        Ok(LoadedData { data, test, preprocessing, notes })
    }

    /// Loads samples to evaluate a network of `features` features on, which was trained with this `preprocessing`, as the
    /// test split. They are the held-out samples if `options` ask for them, else the test split at `path`, else the validation
    /// split, else all samples there, in their order. The training split is only a placeholder: the first of these samples.
    /// Features are scaled as in training, and targets are not.
    ///
    /// Targets are read only if it `needs_targets`; else class 0 takes their place.
    ///
    /// # Errors
    /// As [`Dataset::load_noting`], and [`Error::File`] for targets that are needed and missing.
    pub fn load_for_inference(
        path: &Path,
        options: &LoadOptions,
        preprocessing: &Preprocessing,
        features: usize,
        needs_targets: bool,
    ) -> Result<InferenceData> {
        let conversion = Conversion::of(preprocessing, options)?;
        let mut notes = Vec::new();
        let source = Source::open(path, options)?;
        let share = options.validation.filter(|&share| share != 0.0);
        share.map(check_share).transpose()?;
        let test = match source {
            Source::Tables(tables) => {
                let target = options.target.clone().or_else(|| preprocessing.target());
                let options = LoadOptions { target, ..options.clone() };
                tables.evaluated(&options, conversion, preprocessing, needs_targets, &mut notes)?
            }
            Source::Arrays(mut arrays) if share.is_none() => {
                let (names, note) = inference_names(&arrays, options)?;
                notes.extend(note);
                if options.y_key.is_some() || options.y_test_key.is_some() {
                    // Named, so that it must be there.
                    arrays.bytes(&names.y)?;
                }
                if needs_targets && !arrays.keys().contains(&&names.y[..]) {
                    let problem = format!(
                        "has no targets to evaluate on: no array {}, only {}; name them with {}, and the inputs with {}, or \
                         predict without them",
                        shown(&names.y),
                        arrays.named(),
                        Setting::YKey,
                        Setting::XKey
                    );
                    return Err(Error::file(path, problem));
                }
                let read = Read::of(&mut arrays, names, needs_targets, conversion)?;
                let note = read.target_note(arrays.path());
                let split = read.split(arrays.path(), options.targets)?;
                notes.extend(note.filter(|_| split.labels().is_empty()));
                split
            }
            source => {
                let Splits { train, validation, test, .. } =
                    source.splits(options, conversion, &mut notes)?;
                let splits = [validation, test].map(|split| split.filter(|_| share.is_none()));
                divided(path, train, splits, share, options, &mut notes)?.0.test
            }
        };
        let (found, expected) = (test.features(), features - preprocessing.indicators().min(features));
        if found != expected {
            let problem = format!("has samples of {found} features, expected {expected}, as the network has");
            return Err(Error::file(path, problem));
        }
        let kind = test.input_kind();
        if let Some(trained) = preprocessing.input_kind.filter(|&trained| trained != kind) {
            notes.push(format!(
                "{} holds {}, and the network was trained on {}",
                path.display(),
                kind.describe(),
                trained.describe()
            ));
        }
        let test = preprocessing.apply(test)?;
        let train = test.rows(&[0])?;
        let data = Dataset { source: path.to_owned(), train, test, evaluated_on: EvaluatedOn::Test };
        Ok(InferenceData { data, notes })
    }
}

/// The training split with the split to evaluate on during training: the held-out `share`, or else the validation split, or
/// else the test split. Also returns the test split, if it is left for after training.
fn divided(
    path: &Path,
    train: Split,
    [validation, test]: [Option<Split>; 2],
    share: Option<f64>,
    options: &LoadOptions,
    notes: &mut Vec<String>,
) -> Result<(Dataset, Option<Split>)> {
    let source = path.to_owned();
    let (train, evaluated, evaluated_on, later) = match (share, validation, test) {
        (None, Some(validation), test) => (train, validation, EvaluatedOn::Validation, test),
        (None, None, Some(test)) => (train, test, EvaluatedOn::Test, None),
        (None, None, None) if options.validation.is_some() => {
            notes.push(format!(
                "{} has no test split and nothing is held out: the network is evaluated on its training samples",
                path.display()
            ));
            let bytes = (train.len() * train.features() * train.inputs().value_bytes()) as u64;
            if !matches!(train.inputs(), Inputs::Mapped(_)) {
                let remedy = format!("use {}, which copies nothing", Setting::MapData.with(true));
                check_host_room("training samples and a copy to evaluate on", bytes, &remedy)?;
            }
            (train.clone(), train, EvaluatedOn::Training, None)
        }
        (share, _, test) => {
            // At least one sample.
            let usual = USUAL_VALIDATION.max(1.0 / train.len() as f64);
            let held_out = train.hold_out(share.unwrap_or(usual), options.seed);
            let HeldOut { train, test: held } = held_out.map_err(|error| about(path, "", error))?;
            if share.is_none() {
                notes.push(format!(
                    "{} has no test split: {} of its {} samples are held out for validation; {} sets the share",
                    path.display(),
                    held.len(),
                    train.len() + held.len(),
                    Setting::Validation
                ));
            }
            (train, held, EvaluatedOn::Validation, test)
        }
    };
    Ok((Dataset { source, train, test: evaluated, evaluated_on }, later))
}

/// `data` with the preprocessing that the options ask for, and what of it is learned from the training split.
fn prepared(
    data: Dataset,
    mut preprocessing: Preprocessing,
    options: &LoadOptions,
    conversion: Conversion,
) -> Result<(Dataset, Preprocessing)> {
    let Dataset { source, mut train, mut test, evaluated_on } = data;
    if let Some(fill) = options.impute {
        let names = Column::feature_names(&preprocessing.columns);
        let imputation = Imputation::of(&train, fill, options.impute_indicators, &names)?;
        (train, test) = (imputation.apply(train)?, imputation.apply(test)?);
        preprocessing.imputation = Some(imputation);
    }
    if conversion.is_offset {
        let scaling = FeatureScaling::of(&train);
        (train, test) = (scaling.apply(&train)?, scaling.apply(&test)?);
        preprocessing.scaling = Some(scaling);
    }
    if conversion.are_targets_offset
        && let Some(scaling) = FeatureScaling::of_targets(&train)
    {
        (train, test) = (scaling.apply_to_targets(train)?, scaling.apply_to_targets(test)?);
        preprocessing.target_scaling = Some(scaling);
    }
    if let Some(identity) = preprocessing.identity() {
        train = train.with_preprocessing(&identity);
    }
    Ok((Dataset { source, train, test, evaluated_on }, preprocessing))
}

/// A dataset as it was loaded.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadedData {
    /// The dataset.
    pub data: Dataset,
    /// Samples to test on after training, if [`LoadedData::data`] is evaluated on a validation split. Targets are as in the file.
    pub test: Option<Dataset>,
    /// What was done to its samples and targets.
    pub preprocessing: Preprocessing,
    /// A line about each thing that its user might not expect: samples that are held out or not, arrays and columns that are
    /// not used, and splits of different kinds.
    pub notes: Vec<String>,
}

/// Samples to evaluate a trained network on.
#[derive(Debug, Clone, PartialEq)]
pub struct InferenceData {
    /// Dataset whose test split has the samples.
    pub data: Dataset,
    /// A line about each thing that its user might not expect.
    pub notes: Vec<String>,
}

/// Splits as a file has them.
struct Splits {
    train: Split,
    validation: Option<Split>,
    test: Option<Split>,
    /// Columns of a table that became features.
    columns: Vec<Column>,
    /// Columns of a table that became targets.
    targets: Vec<String>,
    /// Names of the classes in a table.
    classes: Vec<String>,
}

impl Splits {
    fn without_columns(train: Split, validation: Option<Split>, test: Option<Split>) -> Self {
        Splits { train, validation, test, columns: Vec::new(), targets: Vec::new(), classes: Vec::new() }
    }
}

/// Where a dataset comes from.
enum Source<'a> {
    Synthetic(&'a str),
    Tables(Tables),
    Arrays(Arrays),
}

impl<'a> Source<'a> {
    /// Opens `path`, or takes it as a recipe of synthetic data. Options for another kind of data are refused.
    fn open(path: &'a Path, options: &LoadOptions) -> Result<Self> {
        if let Some(recipe) = path.to_str().and_then(|path| path.strip_prefix(synthetic::PREFIX)) {
            let problem = "is for data in files, found synthetic data; leave it out";
            options.refuse_keys(problem)?;
            options.refuse_columns(problem)?;
            for (setting, is_given) in [
                (Setting::MapData, options.map_data),
                (Setting::Scale, options.scale.is_some()),
                (Setting::Impute, options.impute.is_some()),
            ] {
                if is_given {
                    return Err(Error::usage(setting, problem));
                }
            }
            return Ok(Source::Synthetic(recipe));
        }
        if matches!(path.try_exists(), Ok(false)) {
            let problem = format!(
                "no such file or directory; name a CSV table, an npz, a directory of tables, npy or IDX files, or \
                 synthetic:blobs with {} (data/mnist.npz is in the root of the repository)",
                Setting::Data
            );
            return Err(Error::file(path, problem));
        }
        if let Some(tables) = Tables::find(path)? {
            let problem =
                format!("is for arrays, found a table; name its column of targets with {}", Setting::Target);
            options.refuse_keys(&problem)?;
            if options.map_data {
                let problem = "is for arrays of numbers, found a table of text; leave it out, or save the table as .npy files";
                return Err(Error::usage(Setting::MapData, problem));
            }
            return Ok(Source::Tables(tables));
        }
        options.refuse_columns(&format!(
            "is for tables, such as .csv files, found arrays; name arrays with {} and {}",
            Setting::XKey,
            Setting::YKey
        ))?;
        Ok(Source::Arrays(Arrays::open(path)?))
    }

    fn splits(
        self,
        options: &LoadOptions,
        conversion: Conversion,
        notes: &mut Vec<String>,
    ) -> Result<Splits> {
        match self {
            Source::Synthetic(recipe) => {
                let [train, test] = synthetic::make(recipe)?;
                Ok(Splits::without_columns(train, None, Some(test)))
            }
            Source::Tables(tables) => tables.splits(options, conversion, notes),
            Source::Arrays(mut arrays) => of_arrays(&mut arrays, options, conversion, notes),
        }
    }
}

fn of_arrays(
    arrays: &mut Arrays,
    options: &LoadOptions,
    conversion: Conversion,
    notes: &mut Vec<String>,
) -> Result<Splits> {
    let Layout { train, validation, test } = layout(arrays, options)?;
    let named: Vec<_> = [Some(&train), validation.as_ref(), test.as_ref()].into_iter().flatten().collect();
    let is_used = |key: &&str| named.iter().any(|names| names.x == **key || names.y == **key);
    let unused: Vec<_> = arrays.keys().into_iter().filter(|key| !is_used(key)).map(shown).collect();
    if !unused.is_empty() {
        notes.push(format!("not used of {}: {}", arrays.path().display(), some_of(&unused)));
    }
    let mut read = |names| Read::of(arrays, names, true, conversion);
    let others = [validation.map(&mut read).transpose()?, test.map(&mut read).transpose()?];
    let train = read(train)?;
    let all: Vec<_> = [&train].into_iter().chain(others.iter().flatten()).collect();
    let kind = options.targets.of_all(all.iter().filter_map(|read| read.targets.as_ref()));
    if let Some(targets) = train.targets.as_ref().filter(|targets| kind.passes_over_classes(targets)) {
        let rows = targets.shape.first().copied().unwrap_or(0);
        notes.push(format!(
            "the {rows} rows of {} are one-hot, but numbers for this loss function; {} takes them as classes",
            train.targets_name(),
            Setting::Targets.with("classes")
        ));
    }
    notes.extend(all.iter().filter_map(|read| read.note(arrays.path(), &[])));
    if kind == TargetKind::Numbers {
        notes.extend(train.target_note(arrays.path()));
    }
    let [validation, test] = others.map(|read| read.map(|read| read.split(arrays.path(), kind)).transpose());
    Ok(Splits::without_columns(train.split(arrays.path(), kind)?, validation?, test?))
}
