//! A training split with a test split, and whether a network can be trained on them.

use std::path::PathBuf;

use super::split::Split;
use super::targets::Targets;
use crate::model::{Loss, Network};
use crate::{Error, Result, Setting};

/// A training split and a test split with the same number of features.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// File that it came from, for messages.
    pub source: PathBuf,
    /// Samples that the network is trained on.
    pub train: Split,
    /// Samples that the network is evaluated on.
    pub test: Split,
}

impl Dataset {
    /// A dataset of two splits that are in memory.
    ///
    /// # Errors
    /// [`Error::File`] if the splits differ in their number of features or in the kind of their targets.
    pub fn in_memory(train: Split, test: Split) -> Result<Dataset> {
        let data = Dataset { source: "in memory".into(), train, test };
        data.check_splits()?;
        Ok(data)
    }

    /// Checks that `network` can be trained on this dataset.
    ///
    /// # Errors
    /// [`Error::Usage`] if the number of features, or the kind or width of targets, does not fit the network
    /// and its loss function; [`Error::File`] if a target is out of range.
    pub fn check(&self, network: &Network) -> Result<()> {
        self.check_splits()?;
        let (features, found) = (network.features(), self.train.features());
        if found != features {
            let problem = format!(
                "the first width is {features}, but the samples of {} have {found} features; start the list with \
                 {found}",
                self.source.display()
            );
            return Err(Error::usage(Setting::Layers, problem));
        }
        for (key, split) in [("y_train", &self.train), ("y_test", &self.test)] {
            match split.targets() {
                Targets::Classes(labels) => self.check_labels(key, split, labels, network)?,
                Targets::Regression { width, values } => {
                    self.check_regression(key, split, *width, values, network)?
                }
            }
        }
        Ok(())
    }

    fn check_labels(&self, key: &str, split: &Split, labels: &[u32], network: &Network) -> Result<()> {
        let (outputs, loss) = (network.outputs(), network.loss());
        // A single output tells two classes apart.
        let classes = outputs.max(2);
        let beyond = |&(_, &label): &(usize, &u32)| label as usize >= classes;
        let Some((index, label)) = labels.iter().enumerate().find(beyond) else { return Ok(()) };
        let (key, index) = split.target_place(index, key);
        let numbers =
            if loss.takes_values() && outputs > 1 { "; for numbers end the list with 1" } else { "" };
        let problem = format!(
            "{key}: label {label} at index {index}, expected below {classes}, the last width of {}{numbers}",
            Setting::Layers
        );
        Err(Error::file(&self.source, problem))
    }

    fn check_regression(
        &self,
        key: &str,
        split: &Split,
        width: usize,
        values: &[f32],
        network: &Network,
    ) -> Result<()> {
        let loss = network.loss();
        let (key, _) = split.target_place(0, key);
        if !loss.takes_values() {
            let problem = format!(
                "found {}, which learns classes, but {key} of {} holds other numbers; use {} or huber",
                loss.name(),
                self.source.display(),
                Setting::Loss.with("mse")
            );
            return Err(Error::usage(Setting::Loss, problem));
        }
        if width != network.outputs() {
            let problem = format!(
                "the last width is {}, but {key} of {} has {width} numbers a sample; end the list with {width}",
                network.outputs(),
                self.source.display()
            );
            return Err(Error::usage(Setting::Layers, problem));
        }
        let beyond = |&(_, value): &(usize, &f32)| !(0.0..=1.0).contains(value);
        match values.iter().enumerate().find(beyond) {
            Some((index, value)) if loss == Loss::BinaryCrossEntropy => {
                let (_, sample) = split.target_place(index / width, key);
                let output = index % width;
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
            let problem = "one of y_train and y_test holds class labels, the other regression targets";
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
