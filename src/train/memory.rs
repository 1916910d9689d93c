use crate::device::DriverMemory;
use crate::memory::{ByCategory, LedgerEvent};
use crate::plan::IntervalMemory;

/// Device memory, as it was planned before anything was allocated and as it was counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryReport {
    /// Bytes of all buffers, from the plan.
    pub planned: ByCategory,
    /// Bytes of all buffers at their peak, from the ledger.
    pub counted: ByCategory,
    /// Live bytes of the pool by part of the step, from the plan.
    pub planned_intervals: Vec<IntervalMemory>,
    /// Live bytes of the pool by part of the step, as the executor counted them; none before the first step.
    pub counted_intervals: Vec<IntervalMemory>,
    /// Live bytes of the pool after each action of a step, from the plan.
    pub planned_live: Vec<ByCategory>,
    /// The same, as the executor counted them in the last step; none before the first.
    pub counted_live: Vec<ByCategory>,
    /// When each buffer came and went.
    pub events: Vec<LedgerEvent>,
    /// Device buffers made after the first step.
    pub allocations_after_first_step: u64,
    /// Buffers, bind groups and pipelines made after the first step.
    pub objects_after_first_step: u64,
    /// What the driver's allocator says, where it says anything.
    pub driver: Option<DriverMemory>,
}

impl MemoryReport {
    /// Whether plan and count agree to the byte, in both senses and after every action.
    pub fn agrees(&self) -> bool {
        self.planned == self.counted
            && self.planned_live == self.counted_live
            && self.planned_intervals == self.counted_intervals
    }
}
