use std::collections::BTreeMap;

use crate::Setting;
use crate::config::Settings;
use crate::data::{Dataset, EvaluatedOn};
use crate::model::{Parameters, Plateau};
use crate::snapshot::{LossSum, Snapshot};

/// Result of one epoch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Epoch {
    /// Index, from 0.
    pub index: usize,
    /// Mean loss over the epoch's steps, each taken before its parameter update.
    pub loss: f32,
    /// Evaluation after the epoch.
    pub test: Evaluation,
}

/// Evaluation on a split.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evaluation {
    /// The split.
    pub on: EvaluatedOn,
    /// Mean loss.
    pub loss: f32,
    /// Share of samples classified correctly; `None` for regression.
    pub accuracy: Option<f64>,
}

/// Where training starts: from parameters, or from a snapshot. [`Trainer`](super::Trainer)'s constructors convert both.
#[derive(Debug, Clone, Copy)]
pub struct Start<'a> {
    /// All parameters of the network.
    pub parameters: &'a Parameters,
    /// Optimizer state; empty for a new run.
    pub moments: &'a [Parameters],
    /// Slices of a micro-batch on the CPU backend, if a run is to keep them.
    pub slices: Option<usize>,
    /// Number of completed steps.
    pub steps: u64,
    /// Losses of the current epoch's completed steps.
    pub losses: LossSum,
    /// What a plateau schedule knows of the evaluations so far.
    pub plateau: Plateau,
}

impl<'a> From<&'a Parameters> for Start<'a> {
    /// A new run.
    fn from(parameters: &'a Parameters) -> Self {
        Start {
            parameters,
            moments: &[],
            slices: None,
            steps: 0,
            losses: LossSum::default(),
            plateau: Plateau::default(),
        }
    }
}

impl<'a> From<&'a Snapshot> for Start<'a> {
    /// Continues a stopped run.
    fn from(snapshot: &'a Snapshot) -> Self {
        Start {
            parameters: &snapshot.parameters,
            moments: &snapshot.moments,
            slices: snapshot.slices,
            steps: snapshot.steps,
            losses: snapshot.losses,
            plateau: snapshot.plateau,
        }
    }
}

/// The settings that determine a run's bits on one device, its data included: a snapshot is resumed only with equal ones.
pub fn identity(settings: &Settings, data: &Dataset) -> BTreeMap<Setting, String> {
    let mut identity = settings.identity();
    identity.insert(Setting::Data, data.identity());
    identity
}
