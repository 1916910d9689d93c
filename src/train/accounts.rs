use super::MemoryReport;
use crate::device::Inspect;
use crate::memory::{ByCategory, Ledger, LiveMeter};
use crate::plan::{Plan, interval_memory};
use crate::strategy::Strategy;

/// A run's memory, planned and counted.
pub(super) struct Accounts {
    pub planned: ByCategory,
    pub ledger: Ledger,
    pub step_meter: LiveMeter,
    budget: Option<u64>,
    made_by_first_step: Option<Made>,
}

#[derive(Clone, Copy)]
struct Made {
    allocations: u64,
    objects: u64,
}

impl Accounts {
    /// Accounts of a run of `plan`, by `strategy`, with `planned` bytes in buffers that `ledger` counts.
    pub fn new(planned: ByCategory, ledger: Ledger, strategy: Strategy, plan: &Plan) -> Self {
        let budget = if let Strategy::Budget(bytes) = strategy { Some(bytes) } else { None };
        let step_meter = LiveMeter::new(plan.slots.len());
        Accounts { planned, ledger, step_meter, budget, made_by_first_step: None }
    }

    /// Notes that a step has run on `device`.
    pub fn note_step(&mut self, device: &dyn Inspect) {
        if self.made_by_first_step.is_none() {
            self.made_by_first_step = Some(self.made(device));
        }
    }

    /// Reports the memory of `plan`'s run on `device`.
    pub fn report(&self, plan: &Plan, device: &dyn Inspect) -> MemoryReport {
        let now = self.made(device);
        let first = self.made_by_first_step.unwrap_or(now);
        MemoryReport {
            planned: self.planned,
            counted: self.ledger.at_peak(),
            planned_intervals: interval_memory(plan, &plan.prediction.step_live),
            counted_intervals: interval_memory(plan, self.step_meter.trace()),
            planned_live: plan.prediction.step_live.clone(),
            counted_live: self.step_meter.trace().to_vec(),
            events: self.ledger.events(),
            allocations_after_first_step: now.allocations - first.allocations,
            objects_after_first_step: now.objects - first.objects,
            driver: device.driver_memory(),
            budget: self.budget,
        }
    }

    fn made(&self, device: &dyn Inspect) -> Made {
        Made { allocations: self.ledger.allocations(), objects: device.objects_made() }
    }
}
