//! Plans with the least recomputation within a budget.
//!
//! ```
//! use ckpt_gpu::{plan::{Chain, PoolLimits}, strategy::budget::Solver};
//!
//! // Twelve layers, every other state eight times as large as its neighbours.
//! let state_bytes: Vec<u64> = (0..=12).map(|state| [4096, 32768][state % 2]).collect();
//! let delta_bytes = state_bytes[1..].to_vec();
//! let forward_flops = vec![1_000_000; 12];
//! let chain = Chain { state_bytes, delta_bytes, forward_flops, fusible: Vec::new(), row_bytes: Vec::new() };
//!
//! let mut solver = Solver::new(&chain, PoolLimits::default())?;
//! let plan = solver.plan(131_072)?.expect("fits");
//! assert!(plan.pool_bytes() <= 131_072);
//! // It keeps the small states and recomputes every other layer.
//! assert_eq!(plan.prediction.recomputed_layers, 4);
//! # Ok::<(), ckpt_gpu::Error>(())
//! ```
//!
//! Dynamic programming decides which state to keep next, for how long, and in how much memory, counted in
//! whole units (`segment.rs` has the recurrence). The schedules that it finds are unrolled and packed into a
//! pool, and only a plan whose pool is within the budget is returned.
//!
//! # Quality of the plans
//!
//! Short chains are solved with all states as candidates, each of which may be released early, in a unit that
//! divides all sizes. They were compared with exhaustive search over 8,977 chains of up to 9 layers and all
//! of their 106,005 budgets (`tests/planner/budget_optimal.rs`). The schedule was optimal for every budget of
//! live bytes, and the plan for 99.98 % of the budgets of allocated bytes; the worst took 1.36 times the
//! forward and recomputed FLOPs of the optimum, and no sufficient budget was rejected. Uniform chains, in
//! tests of up to 150 layers, get Revolve's optimum for every budget.
//!
//! In chains of more than about 40 layers, fewer states may be released early. In chains of more than about
//! 100 layers, only some states, narrow ones, are candidates for checkpoints; the group of layers between two
//! of them is kept whole or solved by itself. If a unit that divides all sizes would make tables too large,
//! sizes are rounded up, and budgets are solved in levels, one for each doubling. The loss in quality is not
//! known in general: [`Solver::bound`] gives a bound only if no state was left out and no size rounded, and
//! each delta has the size of its state. For uniform chains the optimum is known, and from 200 layers on
//! plans near the least memory are above it: 1,000 layers in the memory of 6 states recompute 8,437 layers,
//! where 6,999 would suffice. For more than 128 layers, the least memory found is not the minimum:
//! recomputing from the batch for every layer takes less memory, at a hundred forward passes or more.

mod forward_pass;
mod level;
mod links;
mod segment;
mod sites;
mod start_over;
mod table;
mod unroll;

use std::collections::BTreeSet;

use level::{Level, Step};

use super::every_n::{self, EveryN};
use super::store_all;
use crate::Result;
use crate::plan::{Chain, Plan, PoolLimits, Schedule, least_live_bytes};

/// Finds plans for one chain under any number of budgets.
///
/// Budgets here bound the pool, which holds checkpoints, recomputed states, deltas and fragmentation, together with
/// [`Plan::row_bytes`].
pub struct Solver {
    chain: Chain,
    limits: PoolLimits,
    store_all: Plan,
    levels: Vec<Level>,
    /// Schedules that need no solving.
    known: Vec<Known>,
}

/// Peak and cost of a schedule that needs no solving.
struct Known {
    candidate: Candidate,
    live_bytes: u64,
    cost: f64,
}

/// Longest chain for which recomputing from the batch for every layer is considered.
const MOST_STARTS: usize = 128;

/// A schedule to consider, identified by how to construct it.
#[derive(Clone, Copy)]
enum Candidate {
    Solved {
        level: usize,
        units: usize,
    },
    EveryN(usize),
    /// Recomputes from the batch for every layer: the least memory, and the most recomputation.
    StartOver,
}

impl Solver {
    /// A solver for `chain`, with pools within `limits`.
    ///
    /// # Errors
    /// [`crate::Error::DoesNotFit`] if a value is larger than the largest buffer;
    /// [`crate::Error::InvalidPlan`] if a schedule is wrong, which would be a bug.
    pub fn new(chain: &Chain, limits: PoolLimits) -> Result<Self> {
        let keep_all = store_all::schedule(chain.layers());
        let levels = Level::of(chain, least_live_bytes(chain, &keep_all)?);
        let store_all = Plan::new(chain, keep_all, limits)?;
        let mut solver = Solver { limits, levels, known: Vec::new(), store_all, chain: chain.clone() };
        let every = EveryN::of(chain);
        for n in every_n::useful_n(chain.layers()).chain([every.best()]).collect::<BTreeSet<_>>() {
            let live_bytes = every.least_live_bytes(n)?;
            let cost = every.recomputed_flops(n) as f64;
            solver.known.push(Known { candidate: Candidate::EveryN(n), live_bytes, cost });
        }
        if chain.layers() <= MOST_STARTS {
            let schedule = start_over::schedule(chain.layers());
            let (live_bytes, cost) =
                (least_live_bytes(chain, &schedule)?, schedule.recomputed_flops(chain) as f64);
            solver.known.push(Known { candidate: Candidate::StartOver, live_bytes, cost });
        }
        Ok(solver)
    }

    /// The plan with the least recomputation that takes at most `bytes`; `None` if none is found.
    ///
    /// More bytes never cost more recomputation, and no every-n plan that fits costs less. In chains of more
    /// than 1,024 layers, that holds for those n that were tried.
    ///
    /// # Errors
    /// As [`Solver::new`].
    pub fn plan(&mut self, bytes: u64) -> Result<Option<Plan>> {
        if self.store_all.bytes() <= bytes {
            return Ok(Some(self.store_all.clone()));
        }
        for (_, candidate) in self.candidates(bytes) {
            let schedule = self.schedule_of(candidate);
            let plan = Plan::within(&self.chain, schedule, self.limits, bytes)?;
            if plan.is_some() {
                return Ok(plan);
            }
        }
        Ok(None)
    }

    /// The schedule with the least recomputation whose live bytes peak at `bytes` or less; `None` if none is
    /// found.
    ///
    /// # Errors
    /// As [`Solver::new`].
    pub fn schedule(&mut self, bytes: u64) -> Result<Option<Schedule>> {
        if self.store_all.peak_live_bytes() <= bytes {
            return Ok(Some(store_all::schedule(self.chain.layers())));
        }
        for (_, candidate) in self.candidates(bytes) {
            let schedule = self.schedule_of(candidate);
            if least_live_bytes(&self.chain, &schedule)? <= bytes {
                return Ok(Some(schedule));
            }
        }
        Ok(None)
    }

    /// Least bytes that are known to suffice for [`Solver::plan`]. If the chain is solved in one level, one byte less has no
    /// plan; in several levels, a finer or coarser unit may have one.
    ///
    /// # Errors
    /// As [`Solver::new`].
    pub fn least(&mut self) -> Result<u64> {
        let mut least = self.store_all.bytes();
        let mut known: Vec<_> = self.known.iter().map(|known| (known.live_bytes, known.candidate)).collect();
        known.sort_by_key(|&(live_bytes, _)| live_bytes);
        // A step is considered from these bytes on, whatever its schedule takes.
        let steps: Vec<_> = (self.levels[0].steps().into_iter())
            .map(|Step { units, .. }| {
                (self.levels[0].least_bytes(units), Candidate::Solved { level: 0, units })
            })
            .collect();
        // The known schedule with the lowest peak comes first, because it often rules out many others.
        for (bytes, candidate) in known[..1].iter().chain(&steps).chain(&known[1..]) {
            // Fewer bytes may suffice with smaller chunks.
            while *bytes < least {
                let schedule = self.schedule_of(*candidate);
                match Plan::within(&self.chain, schedule, self.limits, least - 1)? {
                    Some(plan) => least = plan.bytes().max(*bytes),
                    None => break,
                }
            }
        }
        Ok(least)
    }

    /// Plans from the least memory to storing everything, each with less recomputation than the one before:
    /// at most `points` of them, at budgets that grow by equal factors.
    ///
    /// # Errors
    /// As [`Solver::new`].
    pub fn frontier(&mut self, points: usize) -> Result<Vec<Plan>> {
        let (least, most) = (self.least()? as f64, self.store_all.bytes() as f64);
        let mut plans: Vec<Plan> = Vec::new();
        for point in 0..points {
            let share = point as f64 / (points - 1).max(1) as f64;
            let Some(plan) = self.plan((least * (most / least).powf(share)).ceil() as u64)? else { continue };
            let recomputed = |plan: &Plan| plan.prediction.recomputed_flops;
            if plans.last().is_none_or(|last| recomputed(&plan) < recomputed(last)) {
                plans.push(plan);
            }
        }
        Ok(plans)
    }

    /// Lower bound on the recomputation of any schedule whose live bytes peak at `bytes` or less. `None` if
    /// the solver left out a state or rounded a size; if the device runs several layers as one action,
    /// which holds less than the tables count; or if a delta differs in size from its state, as the tables
    /// have no schedule that recomputes early, while a small delta is held.
    pub fn bound(&mut self, bytes: u64) -> Option<f64> {
        if self.store_all.peak_live_bytes() <= bytes {
            return Some(0.0);
        }
        let has_own_deltas = self.chain.delta_bytes[..] != self.chain.state_bytes[1..];
        if has_own_deltas || !self.chain.fusible.is_empty() {
            return None;
        }
        let level = self.level(bytes);
        self.levels[level].optimum(bytes)
    }

    /// Index of the level that covers `bytes`.
    fn level(&self, bytes: u64) -> usize {
        self.levels.iter().position(|level| level.top() >= bytes).unwrap_or(self.levels.len() - 1)
    }

    /// Candidates that may fit `bytes` with their costs, cheapest first.
    fn candidates(&mut self, bytes: u64) -> Vec<(f64, Candidate)> {
        let mut candidates = Vec::new();
        let level = self.level(bytes);
        // The level below has the finer unit. Levels further down use less than half of the bytes.
        let lowest = if self.levels[level].is_exact() { level } else { level.saturating_sub(1) };
        for unused in (0..lowest).chain(level + 1..self.levels.len()) {
            self.levels[unused].forget();
        }
        for index in lowest..=level {
            let level = &mut self.levels[index];
            // Sizes were rounded up, so that a schedule may take fewer bytes than its units suggest.
            let most = level.most_units(bytes);
            let steps = level.steps().into_iter().filter(|step| step.units <= most);
            candidates
                .extend(steps.map(|Step { units, cost }| (cost, Candidate::Solved { level: index, units })));
        }
        let known = self.known.iter().filter(|known| known.live_bytes <= bytes);
        candidates.extend(known.map(|known| (known.cost, known.candidate)));
        candidates.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        candidates
    }

    fn schedule_of(&mut self, candidate: Candidate) -> Schedule {
        match candidate {
            Candidate::Solved { level, units } => self.levels[level].schedule(units),
            Candidate::EveryN(n) => every_n::schedule(self.chain.layers(), n),
            Candidate::StartOver => start_over::schedule(self.chain.layers()),
        }
    }
}
