//! Scores of trained networks.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use serde_json::json;

use super::output;
use crate::config::DeviceChoice;
use crate::data::npz::shown;
use crate::data::{Dataset, EvaluatedOn, Targets};
use crate::model_file::Model;
use crate::report::{self, SCHEMA};
use crate::train::{Found, Machine, Predictor, SplitScores};
use crate::{Error, Result};

/// Scores a network after its training, when the device holds nothing else.
pub(super) struct Scorer<'a> {
    model: &'a mut Model,
    machine: Machine,
    batch: usize,
    stop: &'a dyn Fn() -> Result<()>,
}

impl<'a> Scorer<'a> {
    /// Scores `model` in batches of `batch` samples, until `stop` returns an error.
    ///
    /// # Errors
    /// Those of `stop` and of [`Machine::find`].
    pub fn on(
        device: DeviceChoice,
        model: &'a mut Model,
        batch: usize,
        stop: &'a dyn Fn() -> Result<()>,
    ) -> Result<Self> {
        stop()?;
        let Found { machine, .. } = Machine::find(device)?;
        Ok(Scorer { model, machine, batch, stop })
    }

    /// Scores the network on the split of `data` that its training was evaluated on, in the units of the targets.
    ///
    /// # Errors
    /// As [`Predictor::on`], [`Predictor::outputs`] and [`SplitScores::of`], those of `stop`, and [`Error::File`] for outputs
    /// that are NaN or infinite.
    pub fn held_out(&mut self, data: &Arc<Dataset>) -> Result<SplitScores> {
        let preprocessing = &self.model.preprocessing;
        let targets = match data.test.targets() {
            Targets::Regression { width, values } if preprocessing.target_scaling.is_some() => {
                let mut values = values.clone();
                preprocessing.scale_back(&mut values);
                Cow::Owned(Targets::Regression { width: *width, values })
            }
            targets => Cow::Borrowed(targets),
        };
        self.score(data, &targets, data.evaluated_on)
    }

    /// Scores the network on the test split of `data`, whose targets are as in the file, and tells the result.
    ///
    /// # Errors
    /// As [`Scorer::held_out`].
    pub fn test(&mut self, data: &Arc<Dataset>, is_json: bool) -> Result<SplitScores> {
        let result = self.score(data, data.test.targets(), EvaluatedOn::Test)?;
        if is_json {
            output::json(&json!({
                "event": "test",
                "schema": SCHEMA,
                "samples": result.samples,
                "scores": result.scores,
            }));
        } else {
            output::line(&format!("test {}", report::text::scores_in_one_line(&result.scores)));
        }
        Ok(result)
    }

    fn score(&mut self, data: &Arc<Dataset>, targets: &Targets, on: EvaluatedOn) -> Result<SplitScores> {
        let Model { network, parameters, preprocessing } = &mut *self.model;
        let mut predictor = Predictor::on(&self.machine, network, parameters, data, self.batch)?;
        let outputs = predictor.outputs_while(self.stop);
        *parameters = predictor.into_parameters()?;
        let mut outputs = outputs?;
        preprocessing.scale_back(&mut outputs);
        check_finite(&data.source, &outputs, network.outputs(), 0)?;
        let scores = SplitScores::of(network, preprocessing, &outputs, targets, Some(on))?;
        (self.stop)().map(|()| scores)
    }
}

/// `result` for the terminal.
pub(super) fn text(result: &SplitScores) -> String {
    let names: Vec<_> = result.names.iter().map(|name| shown(name)).collect();
    report::text::scores(&result.scores, &names, output::width())
}

/// Checks the outputs of samples, the first of which has number `first`.
///
/// # Errors
/// [`Error::File`] about the file at `path`, of the model or of the samples, if one is NaN or infinite: no class and no score
/// follows from it.
pub(super) fn check_finite(path: &Path, outputs: &[f32], width: usize, first: usize) -> Result<()> {
    let Some(at) = outputs.iter().position(|output| !output.is_finite()) else { return Ok(()) };
    let problem = format!(
        "output {} of sample {} is {}; scale its inputs as in training, or the network overflows on them",
        at % width,
        first + at / width,
        outputs[at]
    );
    Err(Error::file(path, problem))
}
