//! Micro-batches that a budget chooses. On a GPU, sums over the batch have an order that a division into micro-batches does not
//! change, so it lowers activations without recomputation, at the price of stored gradients. Where it changes the order, a
//! budget divides only batches of tasks that allow it.

use super::{Planned, Target};
use crate::config::{divisors, halvings};
use crate::device::{DatasetPlacement, Division, Task};
use crate::gpu;
use crate::strategy::{self, Strategy};
use crate::{Error, Result};

/// Samples that the CPU backend computes in the time that a micro-batch takes beside its samples: from micro-batches of 2 to
/// 1,024 samples of two networks.
const CPU_SAMPLES: f64 = 32.0;

/// Why a task cannot be planned, and the micro-batch that comes closest.
pub(super) struct Refusal {
    pub error: Error,
    pub micro_batch: usize,
}

impl Target {
    /// Plans `task`, and replays the plan.
    ///
    /// A budget bounds the pool and everything beside it. The dataset is resident only where the plan leaves room for it:
    /// bytes are better spent on recomputing less. A budget may divide the micro-batches of `task` further, as
    /// [`Task::division`] allows: it takes those that are expected to take the least time.
    ///
    /// # Errors
    /// [`Error::OverBudget`] for a budget that is too small, [`Error::DoesNotFit`] for states, weights and datasets that
    /// the device cannot take, [`Error::Usage`] for a `placement` that the device does not have.
    pub fn plan(self, strategy: Strategy, task: &Task, placement: DatasetPlacement) -> Result<Planned> {
        self.plan_divided(strategy, task, placement)
            .map_err(|refusal| self.explain(refusal, strategy, task, placement))
    }

    /// [`Target::plan`], without advice on budgets that are too small.
    pub(super) fn plan_divided(
        self,
        strategy: Strategy,
        task: &Task,
        placement: DatasetPlacement,
    ) -> Result<Planned, Refusal> {
        let whole = self.plan_plainly(strategy, task, placement);
        let Strategy::Budget(budget) = strategy else {
            return whole.map_err(|error| Refusal::of(error, task));
        };
        let is_short = match &whole {
            Ok(whole) => !stores_all(whole),
            Err(error) => matches!(error, Error::OverBudget { .. } | Error::DoesNotFit(_)),
        };
        let whole = whole.map_err(|error| Refusal::of(error, task));
        if !is_short {
            return whole;
        }
        Search { target: self, task, budget, placement, less_than: f64::INFINITY }.best(whole)
    }

    /// The plan of `task` in smaller micro-batches of any size, under a budget of `bytes`, that is expected to take the least time.
    /// `None` if none is expected to take less than the task in one piece, of which `recomputed` forward passes are recomputed.
    pub(super) fn faster_division(
        self,
        bytes: u64,
        task: &Task,
        placement: DatasetPlacement,
        recomputed: f64,
    ) -> Option<Planned> {
        let task = &Task { division: Division::Any, ..*task };
        let less_than = self.time(task, recomputed);
        let search = Search { target: self, task, budget: bytes, placement, less_than };
        let whole = Refusal::of(Error::internal("the task in one piece is not planned again"), task);
        search.best(Err(whole)).ok()
    }

    /// `task` in smaller micro-batches with the same bits, the largest first, each about half of the one before.
    pub(super) fn divisions<'a>(self, task: &Task<'a>) -> Vec<Task<'a>> {
        let Target::Gpu(limits) = self else { return Vec::new() };
        if task.division == Division::None || task.parts > 1 {
            return Vec::new();
        }
        let divided = |size: usize| task.in_micro_batches(size);
        let keeps_bits = |size: usize| gpu::keeps_bits(task, &divided(size), limits);
        halvings(task.micro_batch, keeps_bits).skip(1).map(divided).collect()
    }

    /// `true` if micro-batches of `micro_batch` samples give the bits of `task` in one piece.
    pub fn keeps_bits(self, task: &Task, micro_batch: usize) -> bool {
        let divided = task.in_micro_batches(micro_batch);
        micro_batch == task.batch()
            || matches!(self, Target::Gpu(limits) if gpu::keeps_bits(&task.in_micro_batches(task.batch()), &divided, limits))
    }

    /// Expected time of a mini-batch, in FLOPs of a busy device, if `recomputed` forward passes are recomputed in each
    /// micro-batch.
    pub(super) fn time(self, task: &Task, recomputed: f64) -> f64 {
        let samples = task.micro_batch as f64;
        let factor = |outputs: usize| match self {
            Target::Cpu => 1.0 + CPU_SAMPLES / samples,
            Target::Gpu(limits) => (limits.busy_elements as f64 / (samples * outputs as f64)).max(1.0),
        };
        let layers = task.network.layers();
        let forward: f64 =
            layers.map(|layer| layer.forward_flops(task.micro_batch) as f64 * factor(layer.outputs)).sum();
        task.parts as f64 * (3.0 + recomputed) * forward
    }
}

/// The search for the micro-batches of a task under a budget.
struct Search<'a> {
    target: Target,
    task: &'a Task<'a>,
    budget: u64,
    placement: DatasetPlacement,
    /// Expected time that plans must stay below.
    less_than: f64,
}

impl<'a> Search<'a> {
    /// The one of `whole` and the plans of smaller micro-batches that is expected to take the least time: of those with the same
    /// bits, or if none of these stores all states and the task allows it, of any.
    fn best(&self, whole: Result<Planned, Refusal>) -> Result<Planned, Refusal> {
        let best = self.fastest(whole, self.target.divisions(self.task));
        if self.task.division == Division::Any && !best.as_ref().is_ok_and(stores_all) {
            return self.fastest(best, self.all_divisions());
        }
        best
    }

    /// The one of `best` and the plans of `sizes`, largest first, that is expected to take the least time.
    fn fastest(&self, mut best: Result<Planned, Refusal>, mut sizes: Vec<Task>) -> Result<Planned, Refusal> {
        // The largest that recomputes nothing, or the smallest, is the fastest where the device stays busy. Others are
        // planned only if they could be faster.
        let first = sizes.iter().position(|divided| self.may_store_all(divided));
        let first = first.or(sizes.len().checked_sub(1)).map(|index| sizes.remove(index));
        let time = |planned: &Planned| {
            let divided = self.task.in_micro_batches(planned.micro_batch);
            self.target.time(&divided, planned.plan.prediction.recomputed_share())
        };
        for divided in first.into_iter().chain(sizes) {
            let most = best.as_ref().map_or(self.less_than, time);
            if self.target.time(&divided, 0.0) >= most {
                continue;
            }
            let planned = self.target.plan_plainly(Strategy::Budget(self.budget), &divided, self.placement);
            best = match (best, planned.map_err(|error| Refusal::of(error, &divided))) {
                (best, Ok(other)) if time(&other) >= most => best,
                (_, Ok(other)) => Ok(other),
                // Of budgets that are too small, the message names the one that comes closest.
                (Err(one), Err(other)) if other.least() < one.least() => Err(other),
                (best, Err(_)) => best,
            };
        }
        best
    }

    /// The task in smaller micro-batches, largest first: each about half of the one before, with the two largest that may store
    /// all states.
    fn all_divisions(&self) -> Vec<Task<'a>> {
        let batch = self.task.micro_batch;
        let mut all: Vec<usize> = divisors(batch).filter(|&size| size < batch).collect();
        all.sort_unstable_by(|a, b| b.cmp(a));
        all.dedup();
        let first = all.partition_point(|&size| !self.may_store_all(&self.task.in_micro_batches(size)));
        let mut sizes: Vec<usize> = halvings(batch, |_| true).skip(1).collect();
        sizes.extend(all.iter().skip(first).take(2));
        sizes.sort_unstable_by(|a, b| b.cmp(a));
        sizes.dedup();
        sizes.into_iter().map(|size| self.task.in_micro_batches(size)).collect()
    }

    /// `true` if the budget suffices to keep all states of `task`, but for bytes between values.
    fn may_store_all(&self, task: &Task) -> bool {
        self.target.least_stored_bytes(task, self.placement).is_ok_and(|bytes| bytes <= self.budget)
    }
}

impl Target {
    /// Bytes that `task` takes if it keeps all states, but for bytes between values.
    ///
    /// # Errors
    /// Those of [`Target::plan`] about the dataset.
    pub(super) fn least_stored_bytes(self, task: &Task, placement: DatasetPlacement) -> Result<u64> {
        Ok(strategy::least_stored_bytes(&self.chain(task)?)? + self.least_beside(task, placement)?)
    }
}

impl Refusal {
    fn of(error: Error, task: &Task) -> Self {
        Refusal { error, micro_batch: task.micro_batch }
    }

    /// The least budget that would have sufficed; all bytes if none would.
    fn least(&self) -> u64 {
        if let Error::OverBudget { least, .. } = self.error { least } else { u64::MAX }
    }
}

/// `true` if `planned` recomputes nothing.
fn stores_all(planned: &Planned) -> bool {
    planned.plan.prediction.recomputed_layers == 0
}
