use crate::config::{Batching, Settings, halvings};
use crate::model::Network;
use crate::report::{Choice, MicroBatchChoice};
use crate::strategy::Strategy;
use crate::strategy::budget::Solver;
use crate::train::{Planned, RunPlanner};
use crate::{Error, Result};

/// Number of budgets on the frontier and of micro-batch sizes to compare; halved for long chains, which take longer to plan.
const FRONTIER: usize = 24;
const MICRO_BATCHES: usize = 5;
const LONG: usize = 200;

/// Alternatives to the requested plan.
pub(super) struct Alternatives<'a> {
    pub settings: &'a Settings,
    pub network: &'a Network,
    /// Samples in a micro-batch of the requested plan.
    pub micro_batch: usize,
    pub planner: RunPlanner,
}

impl Alternatives<'_> {
    /// Store-all, the best every-n, and `asked`.
    pub fn compared(&self, asked: &Choice) -> Result<Vec<Choice>> {
        self.strategies(self.micro_batch, Some(asked))
    }

    /// The plan for a budget as large as the best every-n of `compared`, unless it is among them.
    pub fn in_place_of_every_n(&self, compared: &[Choice]) -> Result<Option<Choice>> {
        let every = compared.iter().find(|choice| matches!(choice.strategy, Strategy::EveryN(_)));
        let budget = every.map(|every| Strategy::Budget(every.device_bytes));
        match budget.filter(|&budget| compared.iter().all(|choice| choice.strategy != budget)) {
            Some(budget) => self.choice(budget, self.micro_batch),
            None => Ok(None),
        }
    }

    /// Store-all, the best every-n and the requested strategy at several micro-batch sizes; `compared` has those at the
    /// requested size.
    pub fn micro_batches(&self, compared: &[Choice]) -> Result<Vec<MicroBatchChoice>> {
        let sizes = sizes(self.settings.batching.batch, self.micro_batch, self.count(MICRO_BATCHES));
        let row = |micro_batch| {
            let choices = if micro_batch == self.micro_batch {
                compared.to_vec()
            } else {
                self.strategies(micro_batch, None)?
            };
            Ok(MicroBatchChoice { micro_batch, choices })
        };
        sizes.into_iter().map(row).collect()
    }

    /// Least recomputation under budgets of all sizes, and the lower bound for `planned`.
    pub fn frontier(&self, planned: &Planned) -> Result<(Vec<Choice>, Option<f64>)> {
        let chain = &planned.plan.chain;
        let mut solver = Solver::new(chain, self.planner.target.pool_limits(chain, self.micro_batch))?;
        // A budget assumes the placement of the dataset that takes the fewest bytes.
        let beside = self.planner.least_beside(&self.in_micro_batches(self.micro_batch))?;
        let bound_flops = match planned.strategy {
            Strategy::Budget(budget) => solver.bound(budget.saturating_sub(beside)),
            _ => None,
        };
        let plans = solver.frontier(self.count(FRONTIER))?;
        let points = plans.iter().map(|plan| {
            let budget = Strategy::Budget(plan.bytes() + beside);
            Choice::new(budget, plan, beside + plan.row_bytes)
        });
        Ok((points.collect(), bound_flops))
    }

    /// The requested strategy and those to compare it with at `micro_batch`; empty if no micro-batch fits the device.
    /// `known` is not planned again.
    fn strategies(&self, micro_batch: usize, known: Option<&Choice>) -> Result<Vec<Choice>> {
        let Some(chain) = fitting(self.planner.chain(&self.in_micro_batches(micro_batch)))? else {
            return Ok(Vec::new());
        };
        let mut strategies = vec![Strategy::StoreAll, Strategy::EveryAuto.resolved(&chain)];
        let asked = self.settings.placement.strategy.resolved(&chain);
        if !strategies.contains(&asked) {
            strategies.push(asked);
        }
        let choices =
            strategies.into_iter().map(|strategy| match known.filter(|known| known.strategy == strategy) {
                Some(known) => Ok(Some(known.clone())),
                None => self.choice(strategy, micro_batch),
            });
        choices.filter_map(Result::transpose).collect()
    }

    fn choice(&self, strategy: Strategy, micro_batch: usize) -> Result<Option<Choice>> {
        let mut settings = self.in_micro_batches(micro_batch);
        settings.placement.strategy = strategy;
        let planned = self.planner.plan_if_it_fits(&settings)?;
        Ok(planned.map(|planned| Choice::new(strategy, &planned.plan, planned.beside().total())))
    }

    fn in_micro_batches(&self, micro_batch: usize) -> Settings {
        let batching = Batching { micro_batch: Some(micro_batch), ..self.settings.batching };
        Settings { batching, ..self.settings.clone() }
    }

    fn count(&self, most: usize) -> usize {
        if self.network.widths().len() > LONG + 1 { most / 2 } else { most }
    }
}

/// `None` for what does not fit the device or the budget.
fn fitting<T>(made: Result<T>) -> Result<Option<T>> {
    match made {
        Ok(made) => Ok(Some(made)),
        Err(Error::OverBudget { .. } | Error::DoesNotFit(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// `count` micro-batch sizes, largest first: `batch`, then each time its largest divisor of at most half the size; and
/// `asked`, the requested one.
fn sizes(batch: usize, asked: usize, count: usize) -> Vec<usize> {
    let mut sizes: Vec<usize> = halvings(batch, |_| true).take(count).collect();
    if !sizes.contains(&asked) {
        sizes.push(asked);
        sizes.sort_unstable_by(|a, b| b.cmp(a));
    }
    sizes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_of_micro_batches_are_divisors_spread_over_all() {
        assert_eq!(sizes(100, 100, 5), [100, 50, 25, 10, 5]);
        assert_eq!(sizes(100, 20, 3), [100, 50, 25, 20]);
        assert_eq!(sizes(81, 81, 5), [81, 27, 9, 3, 1]);
        assert_eq!(sizes(97, 1, 5), [97, 1]);
        assert_eq!(sizes(1, 1, 5), [1]);
        assert_eq!(sizes(60_000, 7_500, 2), [60_000, 30_000, 7_500]);
    }
}
