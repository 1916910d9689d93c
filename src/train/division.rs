//! Micro-batches that a budget chooses. On a GPU, sums over the batch have an order that a division into micro-batches does not
//! change, so it lowers activations without recomputation, at the price of stored gradients.

use super::{Planned, Target};
use crate::config::halvings;
use crate::device::{DatasetPlacement, Task};
use crate::gpu;
use crate::strategy::{self, Strategy};
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
        let whole = self.plan_undivided(strategy, task, placement);
        let Strategy::Budget(budget) = strategy else { return whole };
        let stores_all = |planned: &Planned| planned.plan.prediction.recomputed_layers == 0;
        let divides = match &whole {
            Ok(whole) => !stores_all(whole),
            Err(error) => matches!(error, Error::OverBudget { .. } | Error::DoesNotFit(_)),
        };
        if !(task.divisible && divides) {
            return whole;
        }
        // The largest that recomputes nothing, or the smallest, is the fastest where the device stays busy. Others are
        // planned only if they could be faster.
        let mut sizes = self.divisions(task);
        let first = sizes.iter().position(|divided| self.stores_all(divided, budget, placement));
        let first = first.or(sizes.len().checked_sub(1)).map(|index| sizes.remove(index));
        let mut best = whole;
        for divided in first.into_iter().chain(sizes) {
            if best.as_ref().is_ok_and(|best| self.time(&divided, 0.0) >= self.time_of(task, best)) {
                continue;
            }
            best = match (best, self.plan_undivided(strategy, &divided, placement)) {
                (Ok(best), Ok(other)) if self.time_of(task, &best) <= self.time_of(task, &other) => Ok(best),
                (_, Ok(other)) => Ok(other),
                // Of budgets that are too small, the message names the one that comes closest.
                (Err(one), Err(other)) if least(&other) < least(&one) => Err(other),
                (best, Err(_)) => best,
            };
        }
        best
    }

    /// `task` in smaller micro-batches with the same bits, the largest first, each about half of the one before.
    fn divisions<'a>(self, task: &Task<'a>) -> Vec<Task<'a>> {
        let Target::Gpu(limits) = self else { return Vec::new() };
        if task.parts > 1 {
            return Vec::new();
        }
        let divided = |size: usize| task.in_micro_batches(size);
        let keeps_bits = |size: usize| gpu::keeps_bits(task, &divided(size), limits);
        halvings(task.micro_batch, keeps_bits).skip(1).map(divided).collect()
    }

    /// `true` if `budget` suffices to keep all states of `task`, but for bytes between values.
    fn stores_all(self, task: &Task, budget: u64, placement: DatasetPlacement) -> bool {
        let bytes = || {
            Ok::<_, Error>(
                strategy::least_stored_bytes(&self.chain(task)?)? + self.least_beside(task, placement)?,
            )
        };
        bytes().is_ok_and(|bytes| bytes <= budget)
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
