use std::str::FromStr;
use std::sync::Arc;

use crate::data::{Dataset, DatasetShape};
use crate::model::{Network, Parameters, UpdateRule, by_name};
use crate::plan::Plan;

/// What to train, and how: all that decides the buffers beside a plan's pool.
#[derive(Clone, Copy)]
pub struct Task<'a> {
    /// The network to train.
    pub network: &'a Network,
    /// Samples in a micro-batch, on which the plan runs.
    pub micro_batch: usize,
    /// Micro-batches in a mini-batch, which is one parameter update.
    pub parts: usize,
    /// Optimizer and gradient clipping.
    pub rule: UpdateRule,
    /// Share of each target that is spread over all classes in training.
    pub label_smoothing: f32,
    /// Shape of the dataset.
    pub data: DatasetShape,
    /// Gives a GPU the buffers that timing actions takes; the CPU backend needs none.
    pub timed: bool,
    /// Lets a GPU run adjacent thin layers as one action.
    pub fused: bool,
    /// Lets a GPU run thin layers with kernels of their own, together or one by one. Otherwise it runs them like wide ones,
    /// which is for checks of those kernels.
    pub chains: bool,
    /// Writes every recomputed state to device memory, where it can be read back.
    pub observed: bool,
    /// Lets a GPU time which tiling of its larger products is fastest.
    pub tuned: bool,
    /// Slices of a micro-batch on the CPU backend, from the run that is resumed; `None` for one a thread.
    pub slices: Option<usize>,
    /// How a budget may divide the micro-batch.
    pub division: Division,
    /// Keeps the best parameters of the run on the host, which is the device of the CPU backend.
    pub keeps_best: bool,
}

/// Micro-batches that a budget may choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Division {
    /// Those of the task.
    None,
    /// Smaller ones that yield the same bits.
    SameBits,
    /// Smaller ones that yield the same bits, and if none of these stores all states, any that divide the batch.
    Any,
}

/// All that a device needs before the first step.
pub struct Job<'a> {
    /// The network, and how to train it.
    pub task: Task<'a>,
    /// The training and test splits.
    pub data: &'a Arc<Dataset>,
    /// The actions of each micro-batch, and their pool.
    pub plan: &'a Plan,
    /// Initial values.
    pub initial: &'a mut Initial,
}

/// Initial values of a job. A device that opens takes them; one that fails to leaves them.
#[derive(Debug, Clone, Default)]
pub struct Initial {
    /// Parameters.
    pub parameters: Parameters,
    /// Optimizer state: [`crate::model::UpdateRule::moments`] entries; or none for zeros, and for a moving average that begins
    /// with the parameters.
    pub moments: Vec<Parameters>,
}

impl From<Parameters> for Initial {
    /// Those of a new run.
    fn from(parameters: Parameters) -> Self {
        Initial { parameters, moments: Vec::new() }
    }
}

impl Task<'_> {
    /// The same mini-batches in micro-batches of `micro_batch` samples, a divisor of theirs.
    pub fn in_micro_batches(self, micro_batch: usize) -> Self {
        Task { micro_batch, parts: self.batch() / micro_batch, division: Division::None, ..self }
    }

    /// Mini-batches in a pass over the training split, of which the last may be smaller.
    pub fn steps_in_pass(&self) -> usize {
        self.data.train.samples.div_ceil(self.batch())
    }

    /// `true` if gradients are stored: for gradient accumulation, and for clipping, which needs the global norm before any
    /// update.
    pub fn keeps_gradients(&self) -> bool {
        self.parts > 1 || self.rule.clip_norm.is_some()
    }

    /// Samples in a mini-batch, over which losses and gradients are averaged.
    pub fn batch(&self) -> usize {
        self.micro_batch * self.parts
    }
}

/// Where to keep the dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatasetPlacement {
    /// Resident on the device if it fits one binding and the budget, else on the host. The CPU backend reads it from host
    /// memory.
    Auto,
    /// Resident on the device.
    Device,
    /// On the host, uploaded per micro-batch.
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
