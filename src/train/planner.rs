use super::{Footprint, Target};
use crate::device::{DatasetPlacement, Task};
use crate::memory::{ByCategory, Category};
use crate::plan::{Chain, Plan};
use crate::simulate::simulate;
use crate::strategy::Strategy;
use crate::strategy::budget::Solver;
use crate::{Error, Result};

/// What a run computes and the bytes it needs, decided before anything is allocated.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// Samples in a micro-batch: as many as the task has, or fewer if the budget divided it.
    pub micro_batch: usize,
    /// Micro-batches in a mini-batch.
    pub parts: usize,
    /// The strategy that made the plan.
    pub strategy: Strategy,
    /// The actions of each micro-batch, and the pool that they run in.
    pub plan: Plan,
    /// All buffers outside the pool.
    pub footprint: Footprint,
}

impl Planned {
    /// Planned bytes outside the pool, by category.
    pub fn beside(&self) -> ByCategory {
        let rows = ByCategory::of(Category::Workspace, self.plan.row_bytes);
        self.footprint.bytes().iter().chain(rows.iter()).collect()
    }

    /// Planned bytes of all buffers, by category.
    pub fn bytes(&self) -> ByCategory {
        self.beside().iter().chain(self.plan.pool().iter()).collect()
    }
}

impl Target {
    /// Plans `task` in its micro-batches, and replays the plan, without advice on budgets that are too small.
    ///
    /// # Errors
    /// As [`Target::plan`].
    pub(super) fn plan_plainly(
        self,
        strategy: Strategy,
        task: &Task,
        placement: DatasetPlacement,
    ) -> Result<Planned> {
        let chain = self.chain(task)?;
        self.check_bindings(task, &chain)?;
        let strategy = strategy.resolved(&chain);
        let footprints = self.footprints(task, placement)?;
        let beside = smallest(&footprints);
        let plan = strategy.plan(&chain, self.pool_limits(&chain, task.micro_batch), beside.total())?;
        simulate(&plan)?;

        let budget = if let Strategy::Budget(bytes) = strategy { bytes } else { u64::MAX };
        let fits = |footprint: &Footprint| plan.bytes() + footprint.bytes().total() <= budget;
        let Some(footprint) = footprints.into_iter().find(fits) else {
            return Err(Error::internal(format!("the plan exceeds its budget of {budget} bytes")));
        };
        Ok(Planned { micro_batch: task.micro_batch, parts: task.parts, strategy, plan, footprint })
    }

    /// `true` if `task` in its micro-batches can be planned. Where it cannot, that takes less time than a plan.
    pub(super) fn fits(self, strategy: Strategy, task: &Task, placement: DatasetPlacement) -> bool {
        let fits = || -> Result<bool> {
            let chain = self.chain(task)?;
            self.check_bindings(task, &chain)?;
            let beside = self.least_beside(task, placement)?;
            match strategy {
                Strategy::Budget(budget) if budget <= beside => Ok(false),
                Strategy::Budget(budget) => {
                    let limits = self.pool_limits(&chain, task.micro_batch);
                    Ok(Solver::new(&chain, limits)?.plan(budget - beside)?.is_some())
                }
                _ => Ok(true),
            }
        };
        fits().unwrap_or(false)
    }

    /// Plans only the forward pass of `task`, on data that stays on the host.
    ///
    /// # Errors
    /// [`Error::DoesNotFit`] for states and weights that the device cannot take.
    pub fn plan_forward(self, task: &Task) -> Result<Planned> {
        let chain = self.chain(task)?;
        self.check_bindings(task, &chain)?;
        let plan = Plan::forward(&chain, self.pool_limits(&chain, task.micro_batch))?;
        let Some(footprint) = self.footprints(task, DatasetPlacement::Host)?.pop() else {
            return Err(Error::internal("no device for data on the host"));
        };
        let strategy = Strategy::StoreAll;
        Ok(Planned { micro_batch: task.micro_batch, parts: task.parts, strategy, plan, footprint })
    }

    /// The layers of `task` as this target runs them.
    ///
    /// # Errors
    /// As [`Chain::of`].
    pub fn chain(self, task: &Task) -> Result<Chain> {
        Ok(self.adapt(Chain::of(task.network, task.micro_batch)?, task))
    }

    /// Bytes by category that `task` takes outside the pool, where the dataset's place makes them fewest.
    ///
    /// # Errors
    /// Those of [`Target::plan`] about the dataset.
    pub(super) fn smallest_beside(self, task: &Task, placement: DatasetPlacement) -> Result<ByCategory> {
        Ok(smallest(&self.footprints(task, placement)?))
    }

    /// The smallest number of bytes that `task` takes outside the pool, over all places of the dataset.
    ///
    /// # Errors
    /// Those of [`Target::plan`] about the dataset.
    pub fn least_beside(self, task: &Task, placement: DatasetPlacement) -> Result<u64> {
        Ok(self.smallest_beside(task, placement)?.total())
    }
}

/// Bytes of the smallest of `footprints`.
fn smallest(footprints: &[Footprint]) -> ByCategory {
    footprints.iter().map(Footprint::bytes).min_by_key(ByCategory::total).unwrap_or_default()
}
