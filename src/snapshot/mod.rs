//! Snapshots: everything needed to resume a run, written whole or not at all, and verified when read.

mod format;
mod store;

#[cfg(all(feature = "cli", any(test, fuzzing)))]
pub(crate) use format::{read as read_snapshot, write as write_snapshot};
pub use store::{Found, SnapshotStore, Take};

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::Setting;
use crate::model::{Network, Parameters, Plateau};

/// A run between two steps.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// All but the values below.
    pub progress: Progress,
    /// All parameters.
    pub parameters: Parameters,
    /// Optimizer state: none, one or two values per parameter; and the moving average of the parameters, if there is one.
    pub moments: Vec<Parameters>,
}

/// A run between two steps, without its parameters and its optimizer state.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// Width of every state.
    pub widths: Vec<usize>,
    /// The settings that determine the run's bits, as text.
    pub identity: BTreeMap<Setting, String>,
    /// Slices of a micro-batch on the CPU backend; `None` on a GPU, and in snapshots of earlier versions.
    pub slices: Option<usize>,
    /// Number of completed steps.
    pub steps: u64,
    /// Losses of the current epoch's steps.
    pub losses: LossSum,
    /// What a plateau schedule knows of the evaluations so far.
    pub plateau: Plateau,
    /// The best parameters so far, if they are kept.
    pub best: Option<BestSoFar>,
}

/// The best parameters of a run so far.
#[derive(Debug, Clone, PartialEq)]
pub struct BestSoFar {
    /// Name of the metric that they are the best by.
    pub metric: String,
    /// Its value.
    pub value: f64,
    /// Steps that made them.
    pub steps: u64,
    /// Value of the last gain that was large enough to count.
    pub counted: f64,
    /// Evaluations since that gain.
    pub since: u64,
    /// The parameters, which snapshots share.
    pub parameters: Arc<Parameters>,
}

/// Sum of the mean losses of several mini-batches, in which each of their samples counts alike.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct LossSum {
    /// Sum of the mini-batches' mean losses, each times the share of a whole mini-batch that it has.
    pub sum: f64,
    /// Number of mini-batches. One that the samples do not fill counts as its share of a whole one.
    pub batches: f64,
}

impl LossSum {
    /// Adds the losses of further mini-batches.
    pub fn add(&mut self, other: LossSum) {
        self.sum += other.sum;
        self.batches += other.batches;
    }

    /// Mean loss of the samples; NaN if there are none.
    pub fn mean(self) -> f32 {
        (self.sum / self.batches) as f32
    }
}

/// A setting that a snapshot's run does not share with another run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Difference<'a> {
    /// The setting.
    pub setting: Setting,
    /// Its value in the snapshot, if the snapshot has one.
    pub found: Option<&'a str>,
    /// Its value in the other run, if that has one.
    pub expected: Option<&'a str>,
}

impl Progress {
    /// The first setting that differs between the snapshot and `identity`, that of a run to be resumed.
    pub fn difference<'a>(&'a self, identity: &'a BTreeMap<Setting, String>) -> Option<Difference<'a>> {
        let settings = identity.keys().chain(self.identity.keys()).copied();
        settings.into_iter().find_map(|setting| {
            let [found, expected] =
                [&self.identity, identity].map(|identity| identity.get(&setting).map(String::as_str));
            (found != expected).then_some(Difference { setting, found, expected })
        })
    }
}

impl Snapshot {
    /// `true` if parameters and optimizer state have the shapes of `network`.
    pub fn fits(&self, network: &Network) -> bool {
        let best = self.progress.best.as_ref().map(|best| &*best.parameters);
        [&self.parameters].into_iter().chain(&self.moments).chain(best).all(|held| held.fit(network))
    }
}
