//! Loading a dataset: which arrays or columns it is made of, and what is done to them before training.

mod layout;
mod options;
mod read;
mod source;
mod splits;
mod tables;

pub use options::LoadOptions;

use std::collections::BTreeSet;
use std::path::Path;

use super::dataset::{Dataset, EvaluatedOn};
use super::feature_scaling::FeatureScaling;
use super::hold_out::HeldOut;
use super::imputation::Imputation;
use super::inputs::Inputs;
use super::npz::shown;
use super::preprocessing::Preprocessing;
use super::split::Split;
use super::table::Column;
use super::targets::{TargetKind, Targets};
use crate::memory::check_host_room;
use crate::words::{counted, grouped};
use crate::{Error, Result, Setting};
use layout::inference_names;
use options::Conversion;
use read::{Read, about};
use source::Source;
use splits::Splits;

/// More different labels than this, each of fewer samples than [`SAMPLES_OF_A_CLASS`] on average, may be numbers instead.
const MANY_LABELS: usize = 20;
const SAMPLES_OF_A_CLASS: usize = 10;
/// Share of samples that is held out if a file has no test split.
const USUAL_VALIDATION: f64 = 0.1;

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
        let mut notes = Vec::new();
        let source = Source::open(path, options)?;
        let is_table = matches!(source, Source::Tables(_));
        // Targets of some losses must be from 0 to 1.
        let takes_any_number =
            !matches!(options.targets, TargetKind::ByValue | TargetKind::ByRows | TargetKind::Classes);
        let asks_for_targets = options.standardise_targets == Some(true);
        let standardises = options.standardise.unwrap_or(is_table);
        let standardises_targets = options.standardise_targets.unwrap_or(is_table && takes_any_number);
        let conversion = options.conversion(standardises, standardises_targets);
        let Splits { train, validation, test, columns, targets, classes } =
            source.splits(options, conversion, &mut notes)?;
        let Divided { data, test, usual_share } =
            divided(path, train, [validation, test], options, &mut notes)?;
        let data = data.with_equal_words()?;
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
        if asks_for_targets && (!data.train.labels().is_empty() || options.targets == TargetKind::ByRows) {
            let problem =
                "is for targets that are numbers, found class labels or probabilities; leave it out";
            return Err(Error::usage(Setting::StandardiseTargets, problem));
        }
        let labels = data.train.labels();
        if labels.len() > 1 && labels.iter().all(|&label| label == labels[0]) {
            notes.push(format!(
                "{}: all {} training samples are of one class; check the targets",
                path.display(),
                labels.len()
            ));
        }
        notes.extend(perhaps_numbers(path, &data.train, &learned.classes, options.targets));
        let (data, preprocessing) = prepared(data, learned, options, conversion)?;
        let test = test.map(|test| preprocessing.apply(test.with_whole_targets())).transpose()?;
        let test = test.map(|test| data.to_test_on(test)).transpose()?;
        Ok(LoadedData { data, test, preprocessing, usual_share, notes })
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
        options.check()?;
        let conversion = Conversion::of(preprocessing, options)?;
        let mut notes = Vec::new();
        let source = Source::open(path, options)?;
        let (test, of) = match source {
            Source::Tables(tables) => {
                let target = options.target.clone().or_else(|| preprocessing.target());
                let options = LoadOptions { target, ..options.clone() };
                tables.evaluated(&options, conversion, preprocessing, needs_targets, &mut notes)?
            }
            Source::Arrays(mut arrays) if options.share().is_none() => {
                let (names, of) = inference_names(&arrays, options)?;
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
                (split, of)
            }
            source => {
                let Splits { train, validation, test, .. } =
                    source.splits(options, conversion, &mut notes)?;
                let data = divided(path, train, [validation, test], options, &mut notes)?.data;
                (data.test, Some(data.evaluated_on))
            }
        };
        match of {
            Some(EvaluatedOn::Validation) if options.share().is_none() => {
                notes.push(format!("{} has no test split: its validation split is used", path.display()));
            }
            None if needs_targets => notes.push(format!(
                "{} has no test split: all of its {} are used; if the network was trained on them, the {} (usually \
                 {USUAL_VALIDATION}) and {} of that run take only those that it held out",
                path.display(),
                counted(test.len(), "sample"),
                Setting::Validation,
                Setting::Seed
            )),
            None => notes.push(format!("{} has no test split: all of its samples are used", path.display())),
            Some(_) => {}
        }
        let (found, expected) = (test.features(), features - preprocessing.indicators().min(features));
        if found != expected {
            let problem = format!(
                "has samples of {}, expected {expected}, as the network has",
                counted(found, "feature")
            );
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
        Ok(InferenceData { data, of, notes })
    }
}

/// A note about class labels that look like numbers to be predicted: numbers, many of them, and each of few samples. `names` are
/// those of the classes, and `kind` what targets were asked for.
fn perhaps_numbers(path: &Path, train: &Split, names: &[String], kind: TargetKind) -> Option<String> {
    let different = train.labels().iter().collect::<BTreeSet<_>>().len();
    let are_numbers = names.iter().all(|name| name.parse::<f64>().is_ok());
    let are_many = different > MANY_LABELS && train.len() < SAMPLES_OF_A_CLASS * different;
    (kind == TargetKind::ByRows && are_numbers && are_many).then(|| {
        format!(
            "{}: targets are taken for class labels, {different} different ones in {}; if they are numbers to be predicted, \
             use {}",
            path.display(),
            counted(train.len(), "training sample"),
            Setting::Loss.with("mse")
        )
    })
}

/// Samples to train on and to evaluate on.
struct Divided {
    data: Dataset,
    /// The test split, if it is left for after training.
    test: Option<Split>,
    /// Share of the samples that is held out although the options give none.
    usual_share: Option<f64>,
}

/// The training split with the split to evaluate on during training: a held-out fold or `share`, or else the validation split, or
/// else the test split.
fn divided(
    path: &Path,
    train: Split,
    [validation, test]: [Option<Split>; 2],
    options: &LoadOptions,
    notes: &mut Vec<String>,
) -> Result<Divided> {
    let source = path.to_owned();
    if let Some(fold) = options.fold {
        if validation.is_some() {
            notes
                .push(format!("{}: the validation split is not used, as folds are held out", path.display()));
        }
        let HeldOut { train, test: held } = train.fold(fold, options.seed)?;
        let data = Dataset { source, train, test: held, evaluated_on: EvaluatedOn::Validation };
        return Ok(Divided { data, test, usual_share: None });
    }
    let mut usual_share = None;
    let (train, evaluated, evaluated_on, later) = match (options.share(), validation, test) {
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
                usual_share = Some(usual);
                notes.push(format!(
                    "{} has no test split: {} of its {} are held out for validation; {} sets the share",
                    path.display(),
                    grouped(held.len() as u64),
                    counted(train.len() + held.len(), "sample"),
                    Setting::Validation
                ));
            }
            (train, held, EvaluatedOn::Validation, test)
        }
    };
    let data = Dataset { source, train, test: evaluated, evaluated_on };
    Ok(Divided { data, test: later, usual_share })
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
    /// Share of the samples that is held out because [`LoadOptions::validation`] is `None` and there is no other split to evaluate
    /// on.
    pub usual_share: Option<f64>,
    /// A line about each thing that its user might not expect: samples that are held out or not, arrays and columns that are
    /// not used, and splits of different kinds.
    pub notes: Vec<String>,
}

/// Samples to evaluate a trained network on.
#[derive(Debug, Clone, PartialEq)]
pub struct InferenceData {
    /// Dataset whose test split has the samples.
    pub data: Dataset,
    /// The split that they are; `None` for all samples there, among which may be those that the network was trained on.
    pub of: Option<EvaluatedOn>,
    /// A line about each thing that its user might not expect.
    pub notes: Vec<String>,
}
