use std::path::PathBuf;

use clap::Args;

use super::choices::choices;
use super::output;
use crate::config::DEFAULT_DATA;
use crate::data::npz::{shown, some_of};
use crate::data::{
    ClassWeights, Dataset, EvaluatedOn, Fill, Fold, InferenceData, InputKind, Inputs, LoadOptions,
    LoadedData, Preprocessing, Split, TargetKind, Targets,
};
use crate::model::{Loss, Network};
use crate::words::{both, counted, grouped};
use crate::{Error, Result, Setting};

/// The dataset.
#[derive(Debug, Args)]
#[command(next_help_heading = "Data")]
pub(super) struct DataFlags {
    /// Dataset: a .csv or .tsv table, an .npz or a directory of .npy files with x_train, y_train, x_test and y_test (or other
    /// usual names), a directory of train.csv and test.csv or of IDX files, or synthetic:NAME[,key=value…] with blobs, spirals
    /// or sines
    #[arg(long = "data", value_name = "PATH", default_value = DEFAULT_DATA)]
    pub path: PathBuf,

    /// Name of the column of targets in a table, or names with commas between them [default: target, label, class or y]
    #[arg(long, value_name = "NAME")]
    target: Option<String>,

    /// Name of the input array, if not one of the usual names
    #[arg(long, value_name = "NAME")]
    x_key: Option<String>,

    /// Name of the target array, if not one of the usual names
    #[arg(long, value_name = "NAME")]
    y_key: Option<String>,

    /// Name of the array of test inputs, to go with --x-key and --y-key
    #[arg(long, value_name = "NAME")]
    x_test_key: Option<String>,

    /// Name of the array of test targets
    #[arg(long, value_name = "NAME")]
    y_test_key: Option<String>,

    /// What targets are [default: by --loss and the number of outputs]
    #[arg(long, value_name = "KIND", value_parser = choices(TargetKind::ALL, TargetKind::name, TargetKind::summary))]
    targets: Option<TargetKind>,

    /// Share of the training samples to hold out and evaluate on; a test split is then used once, after training; 0 trains on
    /// all samples [default: 0.1 if there is neither a validation nor a test split]
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true)]
    pub validation: Option<f64>,

    /// Memory-map inputs (uncompressed uint8 or float32); by default only arrays larger than a quarter of
    /// available host memory
    #[arg(long)]
    map_data: bool,
}

/// What is done to samples before training. Model files keep it.
#[derive(Debug, Args)]
#[command(next_help_heading = "Data")]
pub(super) struct PreprocessingFlags {
    /// Leave out this column of a table; may be repeated
    #[arg(long, value_name = "NAME")]
    drop: Vec<String>,

    /// Name of the array, or of the column of a table, with a weight for each training sample: losses are weighted means
    #[arg(long, value_name = "NAME")]
    weight_key: Option<String>,

    /// Weights of classes: balanced, or a number for each, with commas between them [default: 1 each]
    #[arg(long, value_name = "WEIGHTS", allow_negative_numbers = true)]
    pub class_weights: Option<ClassWeights>,

    /// Multiply all inputs by this factor [default: 1/255 for bytes, 1 for other numbers]
    #[arg(long, value_name = "FACTOR", allow_negative_numbers = true)]
    scale: Option<f32>,

    /// Fill in missing values: NaN, or an empty cell of a table [default: refuse them]
    #[arg(long, value_name = "WITH", value_parser = choices(Fill::ALL, Fill::name, Fill::summary))]
    impute: Option<Fill>,

    /// Add a feature for each that misses values, which is 1 where it does
    #[arg(long)]
    impute_indicators: bool,

    /// Scale each feature to mean 0 and standard deviation 1 over the training split [default: true for tables]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    standardise: Option<bool>,

    /// Scale targets that are numbers likewise; losses are of scaled targets, and predictions are scaled back [default: true
    /// for tables]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    standardise_targets: Option<bool>,
}

impl DataFlags {
    /// The dataset for a network with this loss function and so many outputs, or as many as its targets ask for; `seed`
    /// determines the held-out samples, a `fold` if one is given. `tell` takes lines about it.
    ///
    /// # Errors
    /// As [`Dataset::load_noting`].
    pub fn load(
        &self,
        seed: u64,
        loss: Loss,
        outputs: Option<usize>,
        preprocessing: &PreprocessingFlags,
        fold: Option<Fold>,
        tell: &mut dyn FnMut(&str),
    ) -> Result<LoadedData> {
        self.check_targets(loss)?;
        let mut standardise_targets = preprocessing.standardise_targets;
        if matches!(loss, Loss::CrossEntropy | Loss::BinaryCrossEntropy) {
            if standardise_targets == Some(true) {
                let problem = format!(
                    "found beside {}, whose targets are classes or from 0 to 1; leave it out",
                    Setting::Loss.with(loss.name())
                );
                return Err(Error::usage(Setting::StandardiseTargets, problem));
            }
            standardise_targets = Some(false);
        }
        let options = LoadOptions {
            drop: preprocessing.drop.clone(),
            weight_key: preprocessing.weight_key.clone(),
            scale: preprocessing.scale,
            impute: preprocessing.impute,
            impute_indicators: preprocessing.impute_indicators,
            standardise: preprocessing.standardise,
            standardise_targets,
            fold,
            ..self.options(seed, loss, outputs)
        };
        let loaded = Dataset::load_noting(&self.path, &options)?;
        loaded.notes.iter().for_each(|note| tell(note));
        tell(&summary(&loaded, loss));
        tell_mapped(&loaded.data, tell);
        Ok(loaded)
    }

    /// Samples to evaluate a trained network on, with targets if it `needs_targets`.
    ///
    /// # Errors
    /// As [`Dataset::load_for_inference`].
    pub fn load_for_inference(
        &self,
        seed: u64,
        network: &Network,
        preprocessing: &Preprocessing,
        needs_targets: bool,
    ) -> Result<InferenceData> {
        self.check_targets(network.loss())?;
        let mut options = self.options(seed, network.loss(), Some(network.outputs()));
        // Labels may be evaluated on after probabilities were trained on.
        if self.targets.is_none() && options.targets != TargetKind::ByRows {
            options.targets = preprocessing.target_kind.unwrap_or(options.targets);
        }
        let features = network.features();
        let loaded =
            Dataset::load_for_inference(&self.path, &options, preprocessing, features, needs_targets)?;
        loaded.notes.iter().for_each(|note| output::narrate(note));
        tell_mapped(&loaded.data, &mut output::narrate);
        Ok(loaded)
    }

    /// # Errors
    /// [`Error::Usage`] for a kind of targets that `loss` does not have.
    fn check_targets(&self, loss: Loss) -> Result<()> {
        if loss == Loss::CrossEntropy && self.targets == Some(TargetKind::Numbers) {
            let problem = format!(
                "found numbers beside {}, which learns classes; leave it out, or train with {}",
                Setting::Loss.with(loss.name()),
                Setting::Loss.with("mse")
            );
            return Err(Error::usage(Setting::Targets, problem));
        }
        Ok(())
    }

    fn options(&self, seed: u64, loss: Loss, outputs: Option<usize>) -> LoadOptions {
        LoadOptions {
            target: self.target.clone(),
            x_test_key: self.x_test_key.clone(),
            y_test_key: self.y_test_key.clone(),
            targets: self.targets.unwrap_or(TargetKind::of(loss, outputs)),
            x_key: self.x_key.clone(),
            y_key: self.y_key.clone(),
            validation: self.validation,
            seed,
            map_data: self.map_data,
            ..LoadOptions::default()
        }
    }
}

/// What was read, in one line.
fn summary(loaded: &LoadedData, loss: Loss) -> String {
    let LoadedData { data: Dataset { source, train, test, evaluated_on }, preprocessing, .. } = loaded;
    let Preprocessing { input_kind, scale, scaling, target_scaling, .. } = preprocessing;
    let inputs = match (input_kind, scale) {
        (_, Some(scale)) => format!(" times {scale}"),
        (Some(InputKind::Bytes), None) => ", bytes times 1/255".to_owned(),
        _ => String::new(),
    };
    let standardised = if scaling.is_some() { ", standardised" } else { "" };
    let targets = match train.targets() {
        Targets::Classes(_) => classes(train, preprocessing),
        Targets::Regression { width: width @ 2.., .. } if loss == Loss::CrossEntropy => {
            format!("probabilities of {}", counted(*width, "class"))
        }
        Targets::Regression { width: 1, .. } => "a number as target".to_owned(),
        Targets::Regression { width, .. } => format!("{} as targets", counted(*width, "number")),
    };
    let scaled_targets = if target_scaling.is_some() { ", standardised" } else { "" };
    let count = |split: &Split, name: &str| format!("{} {name}", grouped(split.len() as u64));
    let later = loaded.test.as_ref().map(|data| count(&data.test, EvaluatedOn::Test.name()));
    let evaluated = (*evaluated_on != EvaluatedOn::Training).then(|| count(test, evaluated_on.name()));
    let counts = [count(train, EvaluatedOn::Training.name())].into_iter().chain(evaluated).chain(later);
    format!(
        "{}: {} samples of {}{inputs}{standardised}; {targets}{scaled_targets}",
        source.display(),
        both(counts),
        counted(train.features(), "feature"),
    )
}

fn classes(train: &Split, preprocessing: &Preprocessing) -> String {
    let count = train.labels().iter().max().map_or(0, |&label| label as usize + 1);
    match &preprocessing.classes[..] {
        [] => counted(count, "class"),
        names => {
            let names: Vec<_> = names.iter().map(|name| shown(name)).collect();
            format!("{}: {}", counted(names.len(), "class"), some_of(&names))
        }
    }
}

fn tell_mapped(data: &Dataset, tell: &mut dyn FnMut(&str)) {
    if [&data.train, &data.test].iter().any(|split| matches!(split.inputs(), Inputs::Mapped(_))) {
        let path = data.source.display();
        tell(&format!("{path} is mapped, read as it is needed, and must not be changed while it is in use"));
    }
}
