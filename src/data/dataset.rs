//! A training split with a test split, and whether a network can be trained on them.

use std::path::PathBuf;

use super::class_weights::ClassWeights;
use super::split::Split;
use super::targets::Targets;
use crate::model::{Loss, Network};
use crate::words::counted;
use crate::{Error, Result, Setting};

/// Which samples a network is evaluated on while it is trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EvaluatedOn {
    /// A test split.
    #[default]
    Test,
    /// A validation split, held out of the training samples or given as such.
    Validation,
    /// The training samples themselves.
    Training,
}

impl EvaluatedOn {
    /// Name of the split in the output of a run.
    pub fn name(self) -> &'static str {
        match self {
            EvaluatedOn::Test => "test",
            EvaluatedOn::Validation => "validation",
            EvaluatedOn::Training => "training",
        }
    }
}

/// A training split, and a split with the same number of features to evaluate on.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// File that it came from, for messages.
    pub source: PathBuf,
    /// Samples that the network is trained on.
    pub train: Split,
    /// Samples that the network is evaluated on.
    pub test: Split,
    /// What `test` is.
    pub evaluated_on: EvaluatedOn,
}

impl Dataset {
    /// A dataset of two splits that are in memory.
    ///
    /// # Errors
    /// [`Error::File`] if the splits differ in their number of features or in the kind of their targets.
    pub fn in_memory(train: Split, test: Split) -> Result<Dataset> {
        let data = Dataset { source: "in memory".into(), train, test, evaluated_on: EvaluatedOn::Test };
        data.check_splits()?;
        Ok(data)
    }

    /// The dataset with these weights of the training samples; see [`Split::with_weights`]. Evaluation weighs all samples alike.
    ///
    /// # Errors
    /// As [`Split::with_weights`].
    pub fn weighted(self, weights: Vec<f32>) -> Result<Dataset> {
        Dataset { train: self.train.with_weights(weights)?, ..self }.with_equal_words()
    }

    /// The dataset with the training samples weighted by their class, on top of weights that they have, of so many `classes`.
    ///
    /// # Errors
    /// [`Error::Usage`] if targets are not class labels, or if there is not one weight for each class.
    pub fn weighted_by_class(self, weights: &ClassWeights, classes: usize) -> Result<Dataset> {
        let Targets::Classes(labels) = self.train.targets() else {
            let problem =
                "is for targets that are class labels, found numbers or probabilities; leave it out";
            return Err(Error::usage(Setting::ClassWeights, problem));
        };
        let of_classes = weights.of(labels, classes)?;
        let own = |sample: usize| self.train.weights().map_or(1.0, |weights| weights[sample]);
        let weights =
            labels.iter().enumerate().map(|(sample, &label)| own(sample) * of_classes[label as usize]);
        let weights = weights.collect();
        self.weighted(weights).map_err(|error| match error {
            Error::Usage { problem, .. } => {
                let problem = format!("times the weights of samples: {problem}");
                Error::usage(Setting::ClassWeights, problem)
            }
            other => other,
        })
    }

    /// Gives test samples weights of 1 if training samples have weights, so that a device holds equally many words for both.
    pub(super) fn with_equal_words(self) -> Result<Dataset> {
        if self.train.weights().is_none() || self.test.weights().is_some() {
            return Ok(self);
        }
        let even = vec![1.0; self.test.len()];
        Ok(Dataset { test: self.test.with_weights(even)?, ..self })
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
                "the first width is {features}, but the samples of {} have {}; start the list with \
                 {found}",
                self.source.display(),
                counted(found, "feature")
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

    /// Number of outputs of a network that learns these targets with `loss`: one a class, or one a number; one for two classes
    /// with binary cross-entropy.
    pub fn usual_outputs(&self, loss: Loss) -> usize {
        match self.train.targets() {
            Targets::Regression { width, .. } => *width,
            Targets::Classes(_) => {
                let labels = self.train.labels().iter().chain(self.test.labels());
                let classes = labels.max().map_or(0, |&label| label as usize + 1);
                if loss == Loss::BinaryCrossEntropy && classes <= 2 { 1 } else { classes.max(2) }
            }
        }
    }

    /// The samples of `test` with a placeholder for the training split.
    pub(super) fn to_test_on(&self, test: Split) -> Result<Dataset> {
        let train = test.rows(&[0])?;
        let data = Dataset { source: self.source.clone(), train, test, evaluated_on: EvaluatedOn::Test };
        if data.test.features() != self.train.features() {
            return Err(Error::file(&self.source, differing_features(&self.train, &data.test)));
        }
        Ok(data)
    }

    fn check_labels(&self, key: &str, split: &Split, labels: &[u32], network: &Network) -> Result<()> {
        let (outputs, loss) = (network.outputs(), network.loss());
        // A single output tells two classes apart.
        let classes = outputs.max(2);
        let beyond = |&(_, &label): &(usize, &u32)| label as usize >= classes;
        let Some((index, label)) = labels.iter().enumerate().find(beyond) else { return Ok(()) };
        let (key, index) = split.target_place(index, key);
        let numbers =
            if loss != Loss::CrossEntropy && outputs > 1 { "; for numbers end the list with 1" } else { "" };
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
        if loss == Loss::CrossEntropy {
            split.check_probabilities(&self.source, key)?;
        }
        if width != network.outputs() {
            let problem = format!(
                "the last width is {}, but {key} of {} has {} a sample; end the list with {width}",
                network.outputs(),
                self.source.display(),
                counted(width, "number")
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
        if train != test {
            return Err(Error::file(&self.source, differing_features(&self.train, &self.test)));
        }
        if self.train.weights().is_some() != self.test.weights().is_some() {
            return Err(Error::file(
                &self.source,
                "one of the splits has weights of samples, expected both or none",
            ));
        }
        Ok(())
    }
}

fn differing_features(train: &Split, test: &Split) -> String {
    let (train, test) = (counted(train.features(), "feature"), test.features());
    format!("x_train has {train} a sample and x_test {test}, expected equally many")
}
