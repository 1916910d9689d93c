//! Samples to train on and to test on, and whether a network can learn from them.

use super::load::{self, LoadOptions};
use super::split::{Split, Targets};
use crate::model::{Loss, Network};
use crate::{Error, Result};
use std::path::{Path, PathBuf};

/// Samples to train on and samples to test on, with equally many features.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// The file it came from, for messages.
    pub source: PathBuf,
    /// What the parameters are fitted to.
    pub train: Split,
    /// What the accuracy is measured on.
    pub test: Split,
}

impl Dataset {
    /// Samples that are in memory.
    ///
    /// # Errors
    /// [`Error::File`] where the two differ in their number of features, or in the kind of their targets.
    pub fn in_memory(train: Split, test: Split) -> Result<Dataset> {
        let data = Dataset { source: "in memory".into(), train, test };
        data.check_splits()?;
        Ok(data)
    }

    /// As [`Dataset::load_with`], with what is usual.
    ///
    /// # Errors
    /// As [`Dataset::load_with`].
    pub fn load(path: &Path) -> Result<Dataset> {
        Self::load_with(path, &LoadOptions::default())
    }

    /// Reads the npz at `path`, or the folder of npy or IDX files; or makes what a `path` that begins with `synthetic:` asks
    /// for.
    ///
    /// Of an npz, or of npy files, `x_train`, `y_train`, `x_test` and `y_test`, or others of the usual names. Inputs are `(n, …)`, flattened
    /// to `n` samples; bytes are kept as bytes, floats become `f32`. Targets are `(n,)` or `(n, k)`: class numbers where
    /// all are whole and there is one a sample, or one-hot rows; else numbers to be met.
    ///
    /// # Errors
    /// [`Error::File`] names the array and what is wrong with it; [`Error::Usage`] a wrong option.
    pub fn load_with(path: &Path, options: &LoadOptions) -> Result<Dataset> {
        load::load(path, options)
    }

    /// Reads what a trained network is asked about, which becomes the test split: the samples to test on that are at `path`;
    /// where there are none, all, in their order; and where `options` hold a share back, that share. The training split is
    /// the first of them, and stands for nothing.
    ///
    /// Samples need no targets, unless `options` name them: false tells that there are none. Class 0 then takes their place.
    ///
    /// # Errors
    /// As [`Dataset::load_with`].
    pub fn load_for_inference(path: &Path, options: &LoadOptions) -> Result<(Dataset, bool)> {
        load::load_for_inference(path, options)
    }

    /// Checks that `network` can learn from this data.
    ///
    /// Fails with [`Error::Usage`] where the samples have another number of features, or targets that the network or
    /// its loss cannot have, with [`Error::File`] where one of them is out of range.
    pub fn check(&self, network: &Network) -> Result<()> {
        self.check_splits()?;
        let (features, found) = (network.features(), self.train.features());
        if found != features {
            let problem = format!(
                "the first width is {features}, but the samples of {} have {found} features; start the list with \
                 {found}",
                self.source.display()
            );
            return Err(Error::usage("--layers", problem));
        }
        for (key, split) in [("y_train", &self.train), ("y_test", &self.test)] {
            match split.targets() {
                Targets::Classes(labels) => self.check_labels(key, labels, network.outputs())?,
                Targets::Values { width, values } => self.check_values(key, *width, values, network)?,
            }
        }
        Ok(())
    }
}

impl Dataset {
    fn check_labels(&self, key: &str, labels: &[u32], outputs: usize) -> Result<()> {
        // One output tells two classes apart.
        let classes = outputs.max(2);
        let beyond = |&(_, &label): &(usize, &u32)| label as usize >= classes;
        let Some((index, label)) = labels.iter().enumerate().find(beyond) else { return Ok(()) };
        let problem = format!(
            "{key}: label {label} at index {index}, expected below {classes}, the last width of --layers"
        );
        Err(Error::file(&self.source, problem))
    }

    fn check_values(&self, key: &str, width: usize, values: &[f32], network: &Network) -> Result<()> {
        let loss = network.loss();
        if !loss.takes_values() {
            let problem = format!(
                "found {}, which learns classes, but {key} of {} holds other numbers; use --loss mse or huber",
                loss.name(),
                self.source.display()
            );
            return Err(Error::usage("--loss", problem));
        }
        if width != network.outputs() {
            let problem = format!(
                "the last width is {}, but {key} of {} has {width} numbers a sample; end the list with {width}",
                network.outputs(),
                self.source.display()
            );
            return Err(Error::usage("--layers", problem));
        }
        let beyond = |&(_, value): &(usize, &f32)| !(0.0..=1.0).contains(value);
        match values.iter().enumerate().find(beyond) {
            Some((index, value)) if loss == Loss::BinaryCrossEntropy => {
                let (sample, output) = (index / width, index % width);
                let problem = format!(
                    "{key}: {value} in sample {sample}, output {output}, expected from 0 to 1, as \
                     binary-cross-entropy has it"
                );
                Err(Error::file(&self.source, problem))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn check_splits(&self) -> Result<()> {
        let (train, test) = (self.train.features(), self.test.features());
        let kinds = [&self.train, &self.test].map(|split| std::mem::discriminant(split.targets()));
        if kinds[0] != kinds[1] {
            let problem = "one of y_train and y_test holds classes, and the other does not";
            return Err(Error::file(&self.source, problem));
        }
        if train == test {
            return Ok(());
        }
        let problem =
            format!("x_train has {train} features a sample and x_test {test}, expected equally many");
        Err(Error::file(&self.source, problem))
    }
}
