use crate::device::DriverMemory;
use crate::memory::{ByCategory, LedgerEvent};
use crate::plan::IntervalMemory;

/// Device memory as planned, before anything was allocated, and as counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryReport {
    /// Planned bytes of all buffers, by category.
    pub planned: ByCategory,
    /// Counted bytes of all buffers at their peak, from the ledger.
    pub counted: ByCategory,
    /// Planned live bytes of the pool in each interval of a step.
    pub planned_intervals: Vec<IntervalMemory>,
    /// Live bytes of the pool in each interval of the last step, counted by the executor; empty before the first step.
    pub counted_intervals: Vec<IntervalMemory>,
    /// Planned live bytes of the pool after each action of a step.
    pub planned_live: Vec<ByCategory>,
    /// Live bytes of the pool after each action of the last step, counted by the executor; empty before the first step.
    pub counted_live: Vec<ByCategory>,
    /// Allocations and releases of buffers, in order of time.
    pub events: Vec<LedgerEvent>,
    /// Device buffers allocated after the first step.
    pub allocations_after_first_step: u64,
    /// Buffers, bind groups and pipelines created after the first step.
    pub objects_after_first_step: u64,
    /// Device memory by the driver's own account, if it keeps one.
    pub driver: Option<DriverMemory>,
    /// The budget, if there is one. It bounds the counted bytes; the driver may reserve more.
    pub budget: Option<u64>,
}

impl MemoryReport {
    /// `true` if planned and counted bytes are equal: of all buffers, and live after every action.
    pub fn agrees(&self) -> bool {
        self.planned == self.counted
            && self.planned_live == self.counted_live
            && self.planned_intervals == self.counted_intervals
    }

    /// Bytes that the driver reserves beyond the budget; `None` without a budget or without the driver's account.
    pub fn reserved_over_budget(&self) -> Option<u64> {
        Some(self.driver?.reserved.saturating_sub(self.budget?))
    }
}
