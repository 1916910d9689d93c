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
//! Candidates come from several sources, and the one with the least recomputation that can be packed into the budget wins:
//!
//! - Dynamic programming over schedules that recompute states any number of times (`segment.rs` has the recurrence), with
//!   memory in whole units.
//! - In chains of more than 32 layers, schedules that compute each state at most twice (`intervals/`): choosing the states to
//!   keep is then a knapsack problem under the true peak.
//! - Revolve's binomial schedules (`binomial.rs`), every n-th state, and recomputing from the batch for every layer.
//!
//! # Quality of the plans
//!
//! Short chains are solved with all states as candidates, each of which may be released early, in a unit that
//! divides all sizes. They were compared with exhaustive search over 8,977 chains of up to 9 layers and all
//! of their 106,005 budgets (`tests/planner/budget_optimal.rs`). The schedule was optimal for every budget of
//! live bytes, and the plan for 99.98 % of the budgets of allocated bytes, and no sufficient budget was rejected. Uniform
//! chains, in tests of up to 150 layers and of 1,000, get Revolve's optimum for every budget.
//!
//! In longer chains, budgets that let each state be computed at most twice, which are those of about √(2 L) states or more, get
//! plans close to a bound that holds for every schedule (`tests/planner/budget_long.rs`). With fewer bytes, the tables of
//! chains of more than about 100 layers leave out states, only narrow ones are candidates for checkpoints, and sizes are rounded
//! up; the loss is not known in general. [`Solver::bound`] gives a bound only if no state was left out and no size rounded, and
//! each delta has the size of its state. For more than 128 layers, the least memory found is not the minimum: recomputing
//! from the batch for every layer takes less memory, at a hundred forward passes or more.

mod binomial;
mod forward_pass;
mod intervals;
mod level;
mod links;
mod segment;
mod sites;
mod start_over;
mod table;
mod unroll;

use std::collections::{BTreeSet, HashMap};

use intervals::{Choices, Kept};
use level::{Level, Step};

use super::every_n::{self, EveryN};
use super::store_all;
use crate::Result;
use crate::plan::{Chain, Effort, Plan, PoolLimits, Schedule, caps, least_live_bytes};

/// Finds plans for one chain under any number of budgets.
///
/// Budgets here bound the pool, which holds checkpoints, recomputed states, deltas and fragmentation, together with
/// [`Plan::row_bytes`].
pub struct Solver {
    chain: Chain,
    limits: PoolLimits,
    store_all: Plan,
    levels: Vec<Level>,
    /// Schedules that compute every state at most twice, for chains that have levels with states left out.
    choices: Option<Choices>,
    /// Schedules that need no solving.
    known: Vec<Known>,
    /// Live bytes of schedules from levels, by level and units; `None` for those that do not count.
    live_bytes: HashMap<(usize, usize), Option<u64>>,
    /// [`Solver::least`] and its schedule, once it was asked for; no schedule if it keeps everything.
    least: Option<(u64, Option<Candidate>)>,
}

/// Peak and cost of a schedule that needs no solving.
struct Known {
    candidate: Candidate,
    live_bytes: u64,
    cost: f64,
}

/// Longest chain for which recomputing from the batch for every layer is considered.
const MOST_STARTS: usize = 128;
/// Most layers, over all repetitions, that a binomial schedule runs forward.
const MOST_RUNS: usize = 1 << 21;
/// Longest chain for which binomial schedules of all numbers of snapshots are considered.
const ALL_BINOMIAL: usize = 2000;
/// Chains of so many layers are solved with all states, but for very uneven ones.
const SHORT: usize = 32;
/// Number of candidates, of those that are cheaper than the first that fits, for which a pool is searched for longer. It is 1
/// for long chains.
const HARD: usize = 4;
/// Schedules in a row that do not fit before the search for the least memory of a long chain ends.
const PATIENCE: usize = 4;
/// Most layers of a chain for which all candidates are tried. For others, it is the best one below each of few caps.
const MODERATE: usize = 300;
/// Levels are left out for a budget in which a schedule runs at most this factor times as many FLOPs forward, with those of
/// recomputation, as any must.
const CLOSE_TO_BOUND: f64 = 1.002;

/// A schedule to consider, identified by how to construct it.
#[derive(Clone)]
enum Candidate {
    Solved {
        level: usize,
        units: usize,
    },
    Keeping(Kept),
    EveryN(usize),
    /// Revolve's schedule with so many snapshots.
    Binomial(usize),
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
        let choices = (chain.layers() > SHORT).then(|| Choices::of(chain));
        let mut solver = Solver {
            limits,
            levels,
            choices,
            known: Vec::new(),
            live_bytes: HashMap::new(),
            least: None,
            store_all,
            chain: chain.clone(),
        };
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
        let most = binomial::most_snapshots(chain.layers());
        let apart = if chain.layers() <= ALL_BINOMIAL { usize::MAX } else { 16 };
        let snapshots = std::iter::successors(Some(1), |&count| Some(count + 1 + count / apart));
        for count in snapshots.take_while(|&count| count <= most) {
            if binomial::runs(chain.layers(), count) <= MOST_RUNS {
                let schedule = binomial::schedule(chain, count);
                let (live_bytes, cost) =
                    (least_live_bytes(chain, &schedule)?, schedule.recomputed_flops(chain) as f64);
                solver.known.push(Known { candidate: Candidate::Binomial(count), live_bytes, cost });
            }
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
        let mut found = None;
        let mut cheaper = Vec::new();
        for (_, candidate) in self.candidates(bytes)? {
            let Some(schedule) = self.schedule_of(&candidate)? else { continue };
            found = Plan::within(&self.chain, schedule, self.limits, bytes, Effort::Usual)?;
            if found.is_some() {
                break;
            }
            cheaper.push(candidate);
        }
        if found.is_none() {
            return self.plan_in_least(bytes);
        }
        let hard = if self.chain.layers() > MODERATE { 1 } else { HARD };
        for candidate in cheaper.into_iter().take(hard) {
            let Some(schedule) = self.schedule_of(&candidate)? else { continue };
            let plan = Plan::within(&self.chain, schedule, self.limits, bytes, Effort::Most)?;
            if plan.is_some() {
                return Ok(plan);
            }
        }
        Ok(found)
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
        for (_, candidate) in self.candidates(bytes)? {
            let Some(schedule) = self.schedule_of(&candidate)? else { continue };
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
        if let Some((least, _)) = &self.least {
            return Ok(*least);
        }
        let mut smallest = None;
        let mut least = self.store_all.bytes();
        let mut known: Vec<_> =
            self.known.iter().map(|known| (known.live_bytes, known.candidate.clone())).collect();
        known.sort_by_key(|&(live_bytes, _)| live_bytes);
        // A step is considered from these bytes on, whatever its schedule takes.
        let steps: Vec<_> = (self.levels[0].steps().into_iter())
            .map(|Step { units, .. }| {
                (self.levels[0].least_bytes(units), Candidate::Solved { level: 0, units })
            })
            .collect();
        let is_long = self.chain.layers() > MODERATE;
        let mut failures = 0;
        // The known schedule with the lowest peak comes first, because it often rules out many others.
        for (bytes, candidate) in known[..1].iter().chain(&steps).chain(&known[1..]) {
            // Fewer bytes may suffice with smaller chunks.
            while *bytes < least && !(is_long && failures > PATIENCE) {
                let Some(schedule) = self.schedule_of(candidate)? else { break };
                let effort = if is_long { Effort::Most } else { Effort::Usual };
                let fewer = if is_long { least - least / 256 - 1 } else { least - 1 };
                match Plan::within(&self.chain, schedule, self.limits, fewer, effort)? {
                    Some(plan) => {
                        (least, failures) = (plan.bytes().max(*bytes), 0);
                        smallest = Some(candidate.clone());
                    }
                    None => {
                        failures += 1;
                        break;
                    }
                }
            }
        }
        self.least = Some((least, smallest));
        Ok(least)
    }

    /// The plan of the schedule that takes the least memory, if `bytes` suffice for it.
    fn plan_in_least(&mut self, bytes: u64) -> Result<Option<Plan>> {
        self.least()?;
        match self.least.clone() {
            Some((least, Some(candidate))) if least <= bytes => {
                let Some(schedule) = self.schedule_of(&candidate)? else { return Ok(None) };
                Plan::within(&self.chain, schedule, self.limits, bytes, Effort::Usual)
            }
            _ => Ok(None),
        }
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
    fn candidates(&mut self, bytes: u64) -> Result<Vec<(f64, Candidate)>> {
        let mut candidates = Vec::new();
        let mut is_close = false;
        if let Some(choices) = &mut self.choices {
            let kept = choices.within(bytes);
            let forward = self.store_all.prediction.forward_flops as f64;
            let most = CLOSE_TO_BOUND * (forward + choices.bound(bytes));
            is_close = kept.first().is_some_and(|best| forward + best.cost as f64 <= most);
            candidates.extend(kept.into_iter().map(|kept| (kept.cost as f64, Candidate::Keeping(kept))));
        }
        if !is_close {
            candidates.extend(self.solved(bytes)?);
        }
        let known = self.known.iter().filter(|known| known.live_bytes <= bytes);
        candidates.extend(known.map(|known| (known.cost, known.candidate.clone())));
        candidates.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        Ok(candidates)
    }

    /// Candidates of the level that covers `bytes`, and of the one below.
    fn solved(&mut self, bytes: u64) -> Result<Vec<(f64, Candidate)>> {
        let level = self.level(bytes);
        // The level below has the finer unit. Levels further down use less than half of the bytes.
        let lowest = if self.levels[level].is_exact() { level } else { level.saturating_sub(1) };
        for unused in (0..lowest).chain(level + 1..self.levels.len()) {
            self.levels[unused].forget();
        }
        let mut candidates = Vec::new();
        for index in lowest..=level {
            let level = &mut self.levels[index];
            // Sizes were rounded up, so that a schedule may take fewer bytes than its units suggest.
            let most = level.most_units(bytes);
            let steps = level.steps().into_iter().filter(|step| step.units <= most);
            candidates
                .extend(steps.map(|Step { units, cost }| (cost, Candidate::Solved { level: index, units })));
        }
        candidates.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        if self.chain.layers() <= MODERATE {
            return Ok(candidates);
        }
        let mut best = Vec::new();
        for cap in caps(bytes) {
            for (cost, candidate) in &candidates {
                if self.live_bytes_of(candidate)?.is_some_and(|live_bytes| live_bytes <= cap) {
                    best.push((*cost, candidate.clone()));
                    break;
                }
            }
        }
        Ok(best)
    }

    /// Live bytes of a solved candidate; `None` if it has no schedule.
    fn live_bytes_of(&mut self, candidate: &Candidate) -> Result<Option<u64>> {
        let Candidate::Solved { level, units } = *candidate else { return Ok(None) };
        if let Some(&live_bytes) = self.live_bytes.get(&(level, units)) {
            return Ok(live_bytes);
        }
        let schedule = self.schedule_of(candidate)?;
        let live_bytes = schedule.map(|schedule| least_live_bytes(&self.chain, &schedule)).transpose()?;
        self.live_bytes.insert((level, units), live_bytes);
        Ok(live_bytes)
    }

    /// The schedule of a candidate; `None` if its live bytes belong to another level.
    fn schedule_of(&mut self, candidate: &Candidate) -> Result<Option<Schedule>> {
        let layers = self.chain.layers();
        Ok(Some(match *candidate {
            Candidate::Solved { level, units } => return self.solved_schedule(level, units),
            Candidate::Keeping(ref kept) => match &self.choices {
                Some(choices) => choices.schedule(kept),
                None => return Ok(None),
            },
            Candidate::EveryN(n) => every_n::schedule(layers, n),
            Candidate::Binomial(snapshots) => binomial::schedule(&self.chain, snapshots),
            Candidate::StartOver => start_over::schedule(layers),
        }))
    }

    /// A budget considers the schedules of two levels. So that the bytes that a schedule takes are a budget for which it is
    /// considered, too, it counts only if its live bytes are in the range of its level, and close to its units.
    fn solved_schedule(&mut self, level: usize, units: usize) -> Result<Option<Schedule>> {
        let schedule = self.levels[level].schedule(units);
        if self.levels.len() == 1 {
            return Ok(Some(schedule));
        }
        let unfused = Chain { fusible: Vec::new(), ..self.chain.clone() };
        let live_bytes = least_live_bytes(&unfused, &schedule)?;
        let is_above = level.checked_sub(1).is_none_or(|below| live_bytes > self.levels[below].top());
        Ok((is_above && units <= self.levels[level].most_units(live_bytes)).then_some(schedule))
    }
}
