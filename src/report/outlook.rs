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
    /// The requested plan and other settings for the same training.
    pub levers: Vec<Lever>,
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

/// Settings that train the same network on the same batches in other bytes or time.
#[derive(Debug, Clone, PartialEq)]
pub struct Lever {
    /// What is changed, in words.
    pub change: String,
    /// Samples in a micro-batch.
    pub micro_batch: usize,
    /// Micro-batches in a mini-batch.
    pub parts: usize,
    /// What comes of it; `None` if it does not fit the device or the budget.
    pub effect: Option<Effect>,
    /// `true` if it is expected to take the least time of those within the budget; there is none without a budget.
    pub is_fastest: bool,
}

/// Memory and time of a step. Times are relative to a step that keeps all states of the batch in one piece.
#[derive(Debug, Clone, PartialEq)]
pub struct Effect {
    /// Memory and recomputation.
    pub choice: Choice,
    /// FLOPs of a step.
    pub step_flops_ratio: f64,
    /// Expected time of a step.
    pub expected_time_ratio: f64,
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
