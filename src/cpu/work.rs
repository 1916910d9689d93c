use crate::device::Accumulation;
use crate::execute::Work;
use crate::model::StepParams;

/// An entry of the queue that every slice of the batch runs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Queued {
    /// Starts a micro-batch: gathers its inputs and targets.
    Begin(MicroBatch),
    /// Work of the plan.
    Run(Work),
    /// Updates all parameters by the accumulated gradients, scaled down to the bound on their global norm.
    Clip,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct MicroBatch {
    /// Position of its first sample among the queued samples.
    pub rows: usize,
    /// Number of its samples, from the first, that count in metrics.
    pub new: usize,
    pub accumulation: Accumulation,
    /// Its index in the pass.
    pub index: u32,
    pub step_params: StepParams,
}
