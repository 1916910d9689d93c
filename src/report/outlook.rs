use super::PlanSummary;
use crate::device::DeviceInfo;
use crate::memory::ByCategory;
use crate::plan::Plan;
use crate::strategy::Strategy;

/// A plan and its alternatives.
#[derive(Debug, Clone)]
pub struct Outlook<'a> {
    /// The requested plan.
    pub summary: PlanSummary<'a>,
    /// The device it is for.
    pub device: DeviceInfo,
    /// The same in words, with the reason why no GPU was chosen.
    pub planned_for: String,
    /// Bytes of all buffers outside the pool.
    pub beside: ByCategory,
    /// Lower bound for the recomputed FLOPs of any schedule in the same memory, if the planner knows one.
    pub bound_flops: Option<f64>,
    /// Strategies for the same task, the requested one included.
    pub compared: Vec<Choice>,
    /// Strategies by size of micro-batch, the requested size included.
    pub micro_batches: Vec<MicroBatchChoice>,
    /// Least recomputation under budgets, smallest budget first.
    pub frontier: Vec<Choice>,
}

/// Memory and recomputation of a strategy.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// The strategy.
    pub strategy: Strategy,
    /// Bytes of all buffers on the device.
    pub device_bytes: u64,
    /// Bytes of the pool.
    pub pool_bytes: u64,
    /// Recomputed layers per micro-batch.
    pub recomputed_layers: usize,
    /// FLOPs of recomputation as a share of a forward pass.
    pub recomputed_share: f64,
}

/// Strategies for one size of micro-batch. Strategies that do not fit are left out; there is none if the size itself does
/// not fit the device.
#[derive(Debug, Clone, PartialEq)]
pub struct MicroBatchChoice {
    /// Samples in a micro-batch.
    pub micro_batch: usize,
    /// The strategies that fit.
    pub choices: Vec<Choice>,
}

impl Outlook<'_> {
    /// Memory and recomputation of the requested plan.
    pub fn asked(&self) -> Choice {
        Choice::new(self.summary.strategy, self.summary.plan, self.beside.total())
    }
}

impl Choice {
    /// Memory and recomputation of `plan`, with `beside` bytes outside its pool.
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
