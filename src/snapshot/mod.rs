//! Snapshots: everything needed to resume a run, written whole or not at all, and verified when read.

mod format;
mod store;

#[cfg(all(feature = "cli", any(test, fuzzing)))]
pub(crate) use format::{read as read_snapshot, write as write_snapshot};
pub use store::{Found, SnapshotStore};

use std::collections::BTreeMap;

use crate::Setting;
use crate::model::{Network, Parameters};

/// A run between two steps.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
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
    /// Weights and biases.
    pub parameters: Parameters,
    /// Optimizer state: none, one or two values per parameter.
    pub moments: Vec<Parameters>,
}

/// Sum of the mean losses of several steps.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct LossSum {
    /// Sum of the steps' mean losses.
    pub sum: f64,
    /// Number of steps.
    pub steps: u64,
}

/// A setting that a snapshot's run does not share with another run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Difference<'a> {
    /// The setting.
    pub setting: Setting,
    /// Its value in the snapshot, if the snapshot has one.
    pub found: Option<&'a str>,
    /// Its value in the other run.
    pub expected: &'a str,
}

impl Snapshot {
    /// The first setting in `identity`, that of a run to be resumed, that differs from the snapshot's.
    pub fn difference<'a>(&'a self, identity: &'a BTreeMap<Setting, String>) -> Option<Difference<'a>> {
        identity.iter().find_map(|(&setting, expected)| {
            let found = self.identity.get(&setting);
            let difference = Difference { setting, found: found.map(String::as_str), expected };
            (found != Some(expected)).then_some(difference)
        })
    }

    /// `true` if parameters and optimizer state have the shapes of `network`.
    pub fn fits(&self, network: &Network) -> bool {
        self.parameters.fit(network) && self.moments.iter().all(|moment| moment.fit(network))
    }
}
