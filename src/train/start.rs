use std::collections::BTreeMap;

use crate::Setting;
use crate::config::Settings;
use crate::data::{Dataset, EvaluatedOn};
use crate::device::Initial;
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

/// Where training starts: from parameters, or from a snapshot. [`Trainer`](super::Trainer)'s constructors convert both, and move
/// what they are given by value to the device.
#[derive(Debug, Clone)]
pub struct Start {
    /// All parameters of the network, and the optimizer state, which is empty for a new run.
    pub initial: Initial,
    /// Slices of a micro-batch on the CPU backend, if a run is to keep them.
    pub slices: Option<usize>,
    /// Number of completed steps.
    pub steps: u64,
    /// Losses of the current epoch's completed steps.
    pub losses: LossSum,
    /// What a plateau schedule knows of the evaluations so far.
    pub plateau: Plateau,
}

impl From<Parameters> for Start {
    /// A new run.
    fn from(parameters: Parameters) -> Self {
        Start {
            initial: Initial::from(parameters),
            slices: None,
            steps: 0,
            losses: LossSum::default(),
            plateau: Plateau::default(),
        }
    }
}

impl From<&Parameters> for Start {
    /// A new run, from a copy.
    fn from(parameters: &Parameters) -> Self {
        parameters.clone().into()
    }
}

impl From<Snapshot> for Start {
    /// Continues a stopped run.
    fn from(snapshot: Snapshot) -> Self {
        let Snapshot { progress, parameters, moments } = snapshot;
        Start {
            initial: Initial { parameters, moments },
            slices: progress.slices,
            steps: progress.steps,
            losses: progress.losses,
            plateau: progress.plateau,
        }
    }
}

impl From<&Snapshot> for Start {
    /// Continues a stopped run, from a copy.
    fn from(snapshot: &Snapshot) -> Self {
        snapshot.clone().into()
    }
}

/// The settings that determine a run's bits on one device, its data included: a snapshot is resumed only with equal ones.
pub fn identity(settings: &Settings, data: &Dataset) -> BTreeMap<Setting, String> {
    let mut identity = settings.identity();
    identity.insert(Setting::Data, data.identity());
    identity
}
