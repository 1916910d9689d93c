use super::PlanSummary;
use crate::device::DeviceInfo;
use crate::memory::ByCategory;
use crate::plan::Plan;
use crate::strategy::Strategy;

/// What `ckpt-gpu plan` tells.
#[derive(Debug, Clone)]
pub struct Outlook<'a> {
    /// The plan that was asked for.
    pub summary: PlanSummary<'a>,
    /// What it is planned for.
    pub device: DeviceInfo,
    /// The same in words, with the reason why no GPU was chosen.
    pub planned_for: String,
    /// Bytes of everything beside the pool.
    pub beside: ByCategory,
    /// FLOPs of recomputation below which no schedule in the same memory comes, where the planner knows them.
    pub bound_flops: Option<f64>,
    /// The same task under other strategies.
    pub compared: Vec<Choice>,
    /// The same task in micro-batches of other sizes.
    pub micro_batches: Vec<MicroBatchChoice>,
    /// The least recomputation under budgets of every size, smallest first.
    pub frontier: Vec<Choice>,
}

/// What one strategy takes and costs.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// The strategy.
    pub strategy: Strategy,
    /// Bytes of everything on the device.
    pub device_bytes: u64,
    /// Bytes of the pool.
    pub pool_bytes: u64,
    /// Layers that run again for each micro-batch.
    pub recomputed_layers: usize,
    /// What that costs, as a share of one forward sweep.
    pub recomputed_share: f64,
}

/// Strategies for one size of micro-batch; one that does not fit is left out, and none is there where the size itself
/// does not fit the device.
#[derive(Debug, Clone, PartialEq)]
pub struct MicroBatchChoice {
    /// Samples in a micro-batch.
    pub micro_batch: usize,
    /// What each strategy takes and costs.
    pub choices: Vec<Choice>,
}

impl Outlook<'_> {
    /// What the plan that was asked for takes and costs.
    pub fn asked(&self) -> Choice {
        Choice::new(self.summary.strategy, self.summary.plan, self.beside.total())
    }
}

impl Choice {
    /// What `plan` takes and costs, with `beside` bytes beside its pool.
    pub fn new(strategy: Strategy, plan: &Plan, beside: u64) -> Self {
        Choice {
            strategy,
            device_bytes: plan.pool_bytes() + beside,
            pool_bytes: plan.pool_bytes(),
            recomputed_layers: plan.prediction.recomputed_layers,
            recomputed_share: plan.prediction.recomputed_share(),
        }
    }
}
