//! A data set as the usual npz of four arrays.

use super::labels::labels;
use super::npz::{Archive, Array, Values};
use super::split::{Inputs, Split};
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
    /// Reads `x_train`, `y_train`, `x_test` and `y_test` from the npz at `path`.
    ///
    /// `x` is `(n, …)`, flattened to `n` samples; bytes are kept as bytes, floats become `f32`. `y` is `(n,)` or
    /// `(n, 1)` and holds class numbers. Every failure is an [`Error::File`] that names the array and what is
    /// wrong with it.
    pub fn load(path: &Path) -> Result<Dataset> {
        if path.is_dir() {
            return Err(Error::file(
                path,
                "is a folder, and folders of IDX files are not read yet; name an npz with x_train, y_train, \
                 x_test and y_test",
            ));
        }
        if matches!(path.try_exists(), Ok(false)) {
            return Err(Error::file(
                path,
                "no such file; data/mnist.npz ships with the project: run from the project's root, or name \
                 another npz with --data",
            ));
        }
        let mut archive = Archive::open(path)?;
        let train = split(&mut archive, "x_train", "y_train")?;
        let test = split(&mut archive, "x_test", "y_test")?;
        let data = Dataset { source: path.to_owned(), train, test };
        data.check_splits()?;
        Ok(data)
    }

    /// Checks that a network of `features` inputs and `classes` outputs can learn from this data.
    ///
    /// Fails with [`Error::Usage`] where the samples have another number of features, with [`Error::File`] where a
    /// label is not below `classes`.
    pub fn check(&self, features: usize, classes: usize) -> Result<()> {
        self.check_splits()?;
        let found = self.train.features();
        if found != features {
            let problem = format!(
                "the first width is {features}, but the samples of {} have {found} features; start the list with \
                 {found}",
                self.source.display()
            );
            return Err(Error::usage("--layers", problem));
        }
        for (key, split) in [("y_train", &self.train), ("y_test", &self.test)] {
            let beyond = |&(_, &label): &(usize, &u32)| label as usize >= classes;
            if let Some((index, label)) = split.labels().iter().enumerate().find(beyond) {
                let problem = format!(
                    "{key}: label {label} at index {index}, expected below {classes}, the last width of --layers"
                );
                return Err(Error::file(&self.source, problem));
            }
        }
        Ok(())
    }
}

impl Dataset {
    fn check_splits(&self) -> Result<()> {
        let (train, test) = (self.train.features(), self.test.features());
        if train == test {
            return Ok(());
        }
        let problem =
            format!("x_train has {train} features a sample and x_test {test}, expected equally many");
        Err(Error::file(&self.source, problem))
    }
}

fn split(archive: &mut Archive, x: &str, y: &str) -> Result<Split> {
    let (inputs_array, labels_array) = (archive.read(x)?, archive.read(y)?);
    let fail = |key: &str, problem: String| Error::file(archive.path(), format!("{key}: {problem}"));
    let [samples, axes @ ..] = &inputs_array.shape[..] else {
        return Err(fail(x, "is a single number, expected samples along the first axis".into()));
    };
    let (samples, features) = (*samples, axes.iter().product::<usize>());
    let labels = labels(labels_array).map_err(|problem| fail(y, problem))?;
    if samples != labels.len() {
        let problem =
            format!("{x} has {samples} samples and {y} {} labels, expected equally many", labels.len());
        return Err(Error::file(archive.path(), problem));
    }
    let inputs = inputs(inputs_array, features).map_err(|problem| fail(x, problem))?;
    Split::new(features, inputs, labels).map_err(|e| match e {
        Error::Usage { problem, .. } => fail(x, problem),
        other => other,
    })
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
