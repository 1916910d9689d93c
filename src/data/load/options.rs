use crate::data::hold_out::{Fold, check_share};
use crate::data::imputation::Fill;
use crate::data::preprocessing::Preprocessing;
use crate::data::targets::TargetKind;
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
    /// Name of the column of targets in a table, or names with commas between them; `None` for a usual name.
    pub target: Option<String>,
    /// Names of columns of a table that are neither features nor targets.
    pub drop: Vec<String>,
    /// Name of the array, or the column of a table, that holds a weight for each training sample; `None` for 1 each.
    pub weight_key: Option<String>,
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
    /// Fold of the training samples to hold out and evaluate on, in place of a share. A test split is left for after training, and a
    /// validation split is not used.
    pub fold: Option<Fold>,
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

impl LoadOptions {
    /// Names of arrays, with their settings.
    pub(super) fn keys(&self) -> [(Setting, &Option<String>); 4] {
        [
            (Setting::XKey, &self.x_key),
            (Setting::YKey, &self.y_key),
            (Setting::XTestKey, &self.x_test_key),
            (Setting::YTestKey, &self.y_test_key),
        ]
    }

    /// # Errors
    /// [`Error::Usage`] with `problem` if an array is named.
    pub(super) fn refuse_keys(&self, problem: &str) -> Result<()> {
        match self.keys().into_iter().find(|(_, key)| key.is_some()) {
            Some((setting, _)) => Err(Error::usage(setting, problem)),
            None => Ok(()),
        }
    }

    /// # Errors
    /// [`Error::Usage`] with `problem` if a column is named.
    pub(super) fn refuse_columns(&self, problem: &str) -> Result<()> {
        let given = [(Setting::Target, self.target.is_some()), (Setting::Drop, !self.drop.is_empty())];
        match given.into_iter().find(|(_, is_given)| *is_given) {
            Some((setting, _)) => Err(Error::usage(setting, problem)),
            None => Ok(()),
        }
    }

    /// The share of the training samples to hold out; `None` for none, and if no share is given.
    pub(super) fn share(&self) -> Option<f64> {
        self.validation.filter(|&share| share != 0.0)
    }

    /// # Errors
    /// [`Error::Usage`] for options out of range, or that contradict each other.
    pub(super) fn check(&self) -> Result<()> {
        self.share().map(check_share).transpose()?;
        if let (Some(fold), Some(share)) = (self.fold, self.validation) {
            let problem = format!(
                "found {share} beside {} folds, which hold out samples themselves; leave it out",
                fold.count
            );
            return Err(Error::usage(Setting::Validation, problem));
        }
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
    pub(super) fn conversion(&self, standardises: bool, standardises_targets: bool) -> Conversion {
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
pub(super) struct Conversion {
    pub map_data: bool,
    /// Factor that inputs are multiplied by, if it is not the usual one.
    pub scale: Option<f32>,
    /// Keeps missing values, which something will take the place of.
    pub keeps_missing: bool,
    /// Takes the first sample off wide inputs before they are rounded, because they will be standardised.
    pub is_offset: bool,
    /// The same for targets.
    pub are_targets_offset: bool,
    /// `true` for training, where options are at hand; `false` for a trained network.
    pub is_training: bool,
}

impl Conversion {
    /// As the network with this `preprocessing` was trained.
    pub(super) fn of(preprocessing: &Preprocessing, options: &LoadOptions) -> Result<Self> {
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
