//! Micro-batches that a budget chooses. On a GPU, sums over the batch have an order that a division into micro-batches does not
//! change, so it lowers activations without recomputation, at the price of stored gradients.

use super::{Planned, Target};
use crate::config::divisors;
use crate::device::{DatasetPlacement, Task};
use crate::gpu;
use crate::strategy::Strategy;
use crate::{Error, Result};

impl Target {
    /// Plans `task`, and replays the plan.
    ///
    /// A budget bounds the pool and everything beside it. The dataset is resident only where the plan leaves room for it:
    /// bytes are better spent on recomputing less. If `task` is divisible, a budget may divide its micro-batches further: it
    /// takes those that are expected to take the least time.
    ///
    /// # Errors
    /// [`Error::OverBudget`] for a budget that is too small, [`Error::DoesNotFit`] for states, weights and datasets that
    /// the device cannot take, [`Error::Usage`] for a `placement` that the device does not have.
    pub fn plan(self, strategy: Strategy, task: &Task, placement: DatasetPlacement) -> Result<Planned> {
        let mut best = self.plan_undivided(strategy, task, placement);
        if !(task.divisible && matches!(strategy, Strategy::Budget(_))) {
            return best;
        }
        for micro_batch in self.divisions(task) {
            let divided = task.in_micro_batches(micro_batch);
            // Even without recomputation it would take longer, and so would smaller ones.
            if best.as_ref().is_ok_and(|best| self.time(&divided, 0.0) >= self.time_of(task, best)) {
                break;
            }
            let other = self.plan_undivided(strategy, &divided, placement);
            best = match (best, other) {
                (Ok(best), Ok(other)) if self.time_of(task, &best) <= self.time_of(task, &other) => Ok(best),
                (_, Ok(other)) => Ok(other),
                // Of budgets that are too small, the message names the one that comes closest.
                (Err(one), Err(other)) if least(&other) < least(&one) => Err(other),
                (best, Err(_)) => best,
            };
        }
        best
    }

    /// Smaller micro-batches with the same bits, largest first, each about half of the one before.
    fn divisions(self, task: &Task) -> Vec<usize> {
        if self == Target::Cpu || task.parts > 1 {
            return Vec::new();
        }
        let smaller = |&size: &usize| {
            divisors(task.micro_batch)
                .filter(|&size_of| size_of <= size / 2 && gpu::keeps_bits(size_of))
                .max()
        };
        std::iter::successors(Some(task.micro_batch), smaller).skip(1).collect()
    }

    /// Expected time of a mini-batch as `planned`.
    fn time_of(self, task: &Task, planned: &Planned) -> f64 {
        self.time(&task.in_micro_batches(planned.micro_batch), planned.plan.prediction.recomputed_share())
    }

    /// Expected time of a mini-batch, in FLOPs of a busy device, if `recomputed` forward passes are recomputed in each
    /// micro-batch.
    fn time(self, task: &Task, recomputed: f64) -> f64 {
        let busy = match self {
            Target::Cpu => 1,
            Target::Gpu(limits) => limits.busy_elements,
        };
        let forward: f64 = (task.network.layers())
            .map(|layer| {
                let elements = (task.micro_batch * layer.outputs) as f64;
                layer.forward_flops(task.micro_batch) as f64 * (busy as f64 / elements).max(1.0)
            })
            .sum();
        task.parts as f64 * (3.0 + recomputed) * forward
    }
}

/// The least budget that would have sufficed; all bytes if none would.
fn least(error: &Error) -> u64 {
    if let Error::OverBudget { least, .. } = error { *least } else { u64::MAX }
}
