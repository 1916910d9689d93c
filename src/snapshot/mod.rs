//! What it takes to go on with a run that was stopped: written whole or not at all, and checked when it is read.

mod format;
mod store;

pub use store::{Found, SnapshotStore};

use std::collections::BTreeMap;

use crate::model::{Network, Parameters};

/// A run between two steps.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// The width of every state.
    pub widths: Vec<usize>,
    /// What decides the bits of the run, by name, in words.
    pub settings: BTreeMap<String, String>,
    /// Steps made.
    pub steps: u64,
    /// The sum of the mean losses of the epoch at hand, and of how many steps.
    pub losses: (f64, u64),
    /// Weights and biases.
    pub parameters: Parameters,
    /// What the optimizer remembers, none or one or two numbers a parameter.
    pub moments: Vec<Parameters>,
}

impl Snapshot {
    /// What is not the same here as in `settings`, which a run is to go on with: the name, and both values.
    pub fn difference(&self, settings: &BTreeMap<String, String>) -> Option<(String, String, String)> {
        settings.iter().find_map(|(name, wanted)| {
            let held = self.settings.get(name).cloned().unwrap_or_else(|| "none".to_owned());
            (held != *wanted).then(|| (name.clone(), held, wanted.clone()))
        })
    }

    /// Whether it is of a network like `network`.
    pub fn fits(&self, network: &Network) -> bool {
        self.parameters.fit(network) && self.moments.iter().all(|moment| moment.fit(network))
    }
}
