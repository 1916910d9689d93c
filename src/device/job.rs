use std::str::FromStr;
use std::sync::Arc;

use crate::data::{Dataset, DatasetShape};
use crate::model::{Network, Parameters, UpdateRule, by_name};
use crate::plan::Plan;

/// What is trained, on what and how: all that decides which buffers there will be beside a plan's pool.
#[derive(Clone, Copy)]
pub struct Task<'a> {
    /// What is trained.
    pub network: &'a Network,
    /// Samples in a micro-batch: what the plan runs on.
    pub micro_batch: usize,
    /// Micro-batches in a mini-batch, after which the parameters move.
    pub parts: usize,
    /// How parameters move.
    pub rule: UpdateRule,
    /// How much data there is.
    pub data: DatasetShape,
    /// Whether a GPU is to have what it takes to time actions; the CPU backend always has.
    pub timed: bool,
    /// Whether a GPU may run thin layers together, in the memory of its workgroups.
    pub fused: bool,
    /// Whether every state that is made again goes to memory, where it can be looked at.
    pub observed: bool,
    /// Whether a GPU may find by trial how its larger products are cut best.
    pub tuned: bool,
}

/// Everything that a device must know before the first step.
#[derive(Clone, Copy)]
pub struct Job<'a> {
    /// What is trained.
    pub task: Task<'a>,
    /// What to train on.
    pub data: &'a Arc<Dataset>,
    /// What a step does to each of its micro-batches.
    pub plan: &'a Plan,
    /// Whether the dataset is kept on the device; the CPU backend reads it where it lies.
    pub dataset_on_device: bool,
    /// Where to start from.
    pub parameters: &'a Parameters,
    /// What the optimizer remembers at the start, as many as [`crate::model::Optimizer::moments`] says; none of them
    /// where it remembers nothing yet.
    pub moments: &'a [Parameters],
}

impl Task<'_> {
    /// Mini-batches in a pass over the training split, at least 1.
    pub fn steps_in_pass(&self) -> usize {
        (self.data.train.samples / self.batch()).max(1)
    }

    /// Whether gradients outlive the kernels that make them: those of a batch in several parts, and those whose norm is
    /// to be known before any parameter moves.
    pub fn keeps_gradients(&self) -> bool {
        self.parts > 1 || self.rule.clip_norm.is_some()
    }

    /// Samples in a mini-batch, over which losses and gradients are averaged.
    pub fn batch(&self) -> usize {
        self.micro_batch * self.parts
    }
}

/// Where the dataset is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatasetPlacement {
    /// On the device where it fits one binding, and the budget if there is one; the CPU backend reads it where it lies.
    Auto,
    /// On the device.
    Device,
    /// On the host, which uploads every micro-batch.
    Host,
}

impl DatasetPlacement {
    /// Every placement.
    pub const ALL: [DatasetPlacement; 3] =
        [DatasetPlacement::Auto, DatasetPlacement::Device, DatasetPlacement::Host];

    /// Name on the command line and in files.
    pub fn name(self) -> &'static str {
        match self {
            DatasetPlacement::Auto => "auto",
            DatasetPlacement::Device => "device",
            DatasetPlacement::Host => "host",
        }
    }

    /// Summary in one line, for help.
    pub fn summary(self) -> &'static str {
        match self {
            DatasetPlacement::Auto => "On the device if it fits one binding and the budget, else on the host",
            DatasetPlacement::Device => "On the device",
            DatasetPlacement::Host => "On the host, uploaded per micro-batch",
        }
    }
}

impl FromStr for DatasetPlacement {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        by_name(&Self::ALL, Self::name, name)
    }
}
