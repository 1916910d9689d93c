use std::collections::BTreeMap;

use crate::config::Settings;
use crate::data::Dataset;
use crate::model::Parameters;
use crate::snapshot::Snapshot;

/// What came of one epoch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Epoch {
    /// Counted from 0.
    pub index: usize,
    /// The mean loss over the epoch's mini-batches, each at the parameters of its step.
    pub loss: f32,
    /// How the test split fares afterwards.
    pub test: Evaluation,
}

/// How a split fares.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evaluation {
    /// The mean loss.
    pub loss: f32,
    /// The share that is predicted right, where targets are classes.
    pub accuracy: Option<f64>,
}

/// Losses of an epoch's steps so far.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct LossSum {
    /// The sum of the steps' mean losses.
    pub sum: f64,
    /// How many steps.
    pub steps: u64,
}

/// Where training begins, or goes on.
#[derive(Debug, Clone, Copy)]
pub struct Start<'a> {
    /// Weights and biases.
    pub parameters: &'a Parameters,
    /// What the optimizer remembers; none of it at the beginning.
    pub moments: &'a [Parameters],
    /// Steps made before.
    pub steps: u64,
    /// Of those of an epoch that is not over.
    pub losses: LossSum,
}

impl<'a> From<&'a Parameters> for Start<'a> {
    /// A new run.
    fn from(parameters: &'a Parameters) -> Self {
        Start { parameters, moments: &[], steps: 0, losses: LossSum::default() }
    }
}

impl<'a> From<&'a Snapshot> for Start<'a> {
    /// The run that was stopped.
    fn from(snapshot: &'a Snapshot) -> Self {
        let (sum, steps) = snapshot.losses;
        Start {
            parameters: &snapshot.parameters,
            moments: &snapshot.moments,
            steps: snapshot.steps,
            losses: LossSum { sum, steps },
        }
    }
}

/// What decides the bits of a run, by name, in words: what it takes to go on with a snapshot of it.
pub fn decisive(settings: &Settings, data: &Dataset) -> BTreeMap<String, String> {
    let mut decisive = settings.identity();
    decisive.insert("--data".to_owned(), data.identity());
    decisive
}
