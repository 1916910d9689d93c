use std::sync::Arc;

use crate::data::Dataset;
use crate::model::{Network, Optimizer, Parameters};
use crate::plan::Plan;

/// Everything that a device must know before the first step.
#[derive(Clone, Copy)]
pub struct Job<'a> {
    /// What is trained.
    pub network: &'a Network,
    /// What a step does to each of its micro-batches.
    pub plan: &'a Plan,
    /// Samples in a micro-batch: what the plan runs on.
    pub micro_batch: usize,
    /// Micro-batches in a mini-batch, after which the parameters move.
    pub parts: usize,
    /// How parameters move.
    pub optimizer: Optimizer,
    /// The learning rate.
    pub rate: f32,
    /// What to train on.
    pub data: &'a Arc<Dataset>,
    /// Where the data is kept.
    pub residence: Residence,
    /// Where to start from.
    pub parameters: &'a Parameters,
}

impl Job<'_> {
    /// Samples in a mini-batch, over which losses and gradients are averaged.
    pub fn batch(&self) -> usize {
        self.micro_batch * self.parts
    }
}

/// Where the dataset is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Residence {
    /// On the device where it fits one binding; the CPU backend reads it where it lies.
    Auto,
    /// On the device.
    Device,
    /// On the host, which uploads every micro-batch.
    Host,
}
