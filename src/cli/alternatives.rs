use std::cmp::Reverse;

use crate::config::{Batching, Settings, halvings};
use crate::device::DatasetPlacement;
use crate::model::{Layer, Network};
use crate::report::{Choice, Effect, Lever, MicroBatchChoice};
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
    /// requested size. Sizes are the batch halved again and again: under a budget until nothing is recomputed, otherwise a few
    /// times.
    pub fn micro_batches(&self, compared: &[Choice]) -> Result<Vec<MicroBatchChoice>> {
        let row = |micro_batch| {
            let choices = if micro_batch == self.micro_batch {
                compared.to_vec()
            } else {
                self.strategies(micro_batch, None)?
            };
            Ok(MicroBatchChoice { micro_batch, choices })
        };
        let few = self.count(MICRO_BATCHES);
        let budget = self.budget();
        let mut rows: Vec<MicroBatchChoice> = Vec::new();
        for size in halvings(self.settings.batching.batch, |_| true) {
            let is_next = match budget {
                _ if rows.len() < few => true,
                Some(budget) => !self.is_long() || self.may_store_all(size, budget)?,
                None => false,
            };
            if !is_next {
                continue;
            }
            let next = row(size)?;
            let is_last =
                budget.is_some() && self.asked_of(&next).is_some_and(|asked| asked.recomputed_layers == 0);
            rows.push(next);
            if is_last || (rows.len() > 1 && self.never_fits_divided()?) {
                break;
            }
        }
        if rows.iter().all(|row| row.micro_batch != self.micro_batch) {
            rows.push(row(self.micro_batch)?);
            rows.sort_by_key(|row| Reverse(row.micro_batch));
        }
        Ok(rows)
    }

    /// The requested plan `asked`, and what other settings come to: those of `compared` at the same size of micro-batch, the
    /// requested strategy at those of `micro_batches`, and the dataset on the host.
    pub fn levers(
        &self,
        asked: &Choice,
        has_dataset: bool,
        compared: &[Choice],
        micro_batches: &[MicroBatchChoice],
    ) -> Result<Vec<Lever>> {
        let batch = self.settings.batching.batch;
        let mut rows = vec![self.lever("as asked".to_owned(), self.micro_batch, Some(asked))?];
        if let Some(whole) = micro_batches.iter().find(|row| row.micro_batch == batch) {
            let stored = whole.choices.iter().find(|choice| choice.strategy == Strategy::StoreAll);
            if self.micro_batch != batch {
                rows.push(self.lever(format!("--every 0 --micro-batch {batch}"), batch, stored)?);
            } else if asked.strategy != Strategy::StoreAll {
                rows.push(self.lever("--every 0".to_owned(), batch, stored)?);
            }
        }
        for row in micro_batches.iter().filter(|row| row.micro_batch != self.micro_batch) {
            let change = format!("--micro-batch {}", row.micro_batch);
            rows.push(self.lever(change, row.micro_batch, self.asked_of(row))?);
        }
        for choice in compared.iter().filter(|choice| choice.strategy != asked.strategy) {
            let change = match choice.strategy {
                Strategy::EveryN(n) => format!("--every {n}"),
                Strategy::Budget(bytes) => format!("--budget {bytes}"),
                _ => continue,
            };
            rows.push(self.lever(change, self.micro_batch, Some(choice))?);
        }
        if has_dataset {
            let mut settings = self.in_micro_batches(self.micro_batch);
            settings.placement.dataset = DatasetPlacement::Host;
            let planned = self.planner.plan_if_it_fits(&settings)?;
            let choice =
                planned.map(|planned| Choice::new(asked.strategy, &planned.plan, planned.beside().total()));
            rows.push(self.lever("--dataset host".to_owned(), self.micro_batch, choice.as_ref())?);
        }
        if let Some(budget) = self.budget() {
            let time = |row: &&mut Lever| {
                let effect = row.effect.as_ref().filter(|effect| effect.choice.device_bytes <= budget);
                effect.map_or(f64::INFINITY, |effect| effect.expected_time_ratio)
            };
            let fastest = rows.iter_mut().min_by(|a, b| time(a).total_cmp(&time(b)));
            if let Some(fastest) = fastest {
                fastest.is_fastest = true;
            }
        }
        Ok(rows)
    }

    fn lever(&self, change: String, micro_batch: usize, choice: Option<&Choice>) -> Result<Lever> {
        let batch = self.settings.batching.batch;
        let time = |micro_batch, share| self.planner.expected_time(self.settings, micro_batch, share);
        let effect = |choice: &Choice| {
            let share = choice.recomputed_share;
            Ok(Effect {
                choice: choice.clone(),
                step_flops_ratio: self.step_flops(share) / self.step_flops(0.0),
                expected_time_ratio: time(micro_batch, share)? / time(batch, 0.0)?,
            })
        };
        let effect = choice.map(effect).transpose()?;
        Ok(Lever { change, micro_batch, parts: batch / micro_batch, effect, is_fastest: false })
    }

    /// FLOPs of a step for each sample, in forward passes of which `share` are recomputed. No delta is computed below layer 0.
    fn step_flops(&self, share: f64) -> f64 {
        let flops = |layer: Layer| layer.forward_flops(1) as f64;
        let forward: f64 = self.network.layers().map(flops).sum();
        3.0 + share - flops(self.network.layer(0)) / forward
    }

    /// The requested strategy among those of `row`.
    fn asked_of<'a>(&self, row: &'a MicroBatchChoice) -> Option<&'a Choice> {
        let is_asked = |choice: &&Choice| match self.settings.placement.strategy {
            Strategy::EveryAuto => matches!(choice.strategy, Strategy::EveryN(_)),
            Strategy::EveryN(0) => choice.strategy == Strategy::StoreAll,
            strategy => choice.strategy == strategy,
        };
        row.choices.iter().find(is_asked)
    }

    fn budget(&self) -> Option<u64> {
        match self.settings.placement.strategy {
            Strategy::Budget(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// `true` if the budget is too small for the gradients that micro-batches accumulate, whatever their size.
    fn never_fits_divided(&self) -> Result<bool> {
        let Some(budget) = self.budget() else { return Ok(false) };
        Ok(self.planner.least_beside(&self.in_micro_batches(1))? >= budget)
    }

    fn may_store_all(&self, micro_batch: usize, budget: u64) -> Result<bool> {
        let bytes = fitting(self.planner.least_stored_bytes(&self.in_micro_batches(micro_batch)))?;
        Ok(bytes.is_some_and(|bytes| bytes <= budget))
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
        if self.is_long() { most / 2 } else { most }
    }

    fn is_long(&self) -> bool {
        self.network.widths().len() > LONG + 1
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
