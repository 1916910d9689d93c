//! Ranges of budgets, each solved in a unit of memory of its own.

use std::ops::Range;
use std::sync::Arc;

use super::links::Links;
use super::segment::Segment;
use super::sites::Effort;
use super::unroll;
use crate::plan::{Chain, Schedule};

/// Approximate limits on the operations of solving a level, and on the numbers in its tables.
const OPERATIONS: f64 = 1.5e8;
const NUMBERS: f64 = 1.5e7;
/// Range of the number of columns in a table: more if states are small relative to the budget.
const COLUMNS: Range<u64> = 512..8192;
/// Schedules whose memory differs by less than this fraction (1 / `CLOSE`) count as one.
const CLOSE: usize = 256;
/// Units that a state should take on average.
const UNITS_A_STATE: u64 = 4;

/// A range of budgets, with the unit of memory that it is solved in. Levels depend on the chain alone, never
/// on a budget, so that a larger budget can choose from every schedule of a smaller one.
pub(super) struct Level {
    chain: Arc<Chain>,
    pub unit: u64,
    columns: usize,
    solved: Option<Segment>,
}

/// A number of units from which on recomputation costs less.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub units: usize,
    pub cost: f64,
}

impl Level {
    /// Levels of `chain` in ascending order: one exact level if its table is small enough, else one for each
    /// doubling of the least memory that any schedule needs, up to the peak of storing everything.
    pub fn of(chain: &Chain, store_all_bytes: u64) -> Vec<Level> {
        let chain = Arc::new(chain.clone());
        let exact = common_divisor(&chain);
        let level = |unit: u64, bytes: u64| Level {
            chain: Arc::clone(&chain),
            unit,
            columns: (bytes / unit) as usize + 1,
            solved: None,
        };
        let layers = chain.layers() as f64;
        let operations = layers.powi(4) / 12.0 + layers.powi(3) / 6.0;
        let affordable = (OPERATIONS / operations) as u64;
        if store_all_bytes / exact <= affordable.clamp(COLUMNS.start, 1 << 16) {
            return vec![level(exact, store_all_bytes)];
        }
        let mut levels = Vec::new();
        let mut top = least_need(&chain);
        loop {
            top = (2 * top).min(store_all_bytes);
            levels.push(level(convenient_unit(&chain, top).max(exact), top));
            if top == store_all_bytes {
                return levels;
            }
        }
    }

    /// Largest budget that its table has a column for, in bytes.
    pub fn top(&self) -> u64 {
        self.unit * (self.columns as u64 - 1)
    }

    /// Most units of a schedule that may take `bytes`, given how much sizes are rounded up on average, and by how much that may
    /// differ.
    pub fn most_units(&self, bytes: u64) -> usize {
        let units = (bytes as f64 * self.rounded_share() / self.unit as f64) as usize;
        if self.rounds() { units + self.columns / 64 } else { units }
    }

    /// Fewest bytes whose [`Level::most_units`] are at least `units`.
    pub fn least_bytes(&self, units: usize) -> u64 {
        let (mut least, mut most) = (0, (units as u64 + 1) * self.unit);
        while least < most {
            let middle = least + (most - least) / 2;
            if self.most_units(middle) >= units { most = middle } else { least = middle + 1 }
        }
        least
    }

    /// `true` if some size is not a whole number of units.
    fn rounds(&self) -> bool {
        let mut sizes = self.chain.state_bytes[1..].iter().chain(&self.chain.delta_bytes);
        sizes.any(|bytes| !bytes.is_multiple_of(self.unit))
    }

    /// Size of all states in whole units, relative to their size in bytes.
    fn rounded_share(&self) -> f64 {
        let sizes = &self.chain.state_bytes[1..];
        let rounded: u64 = sizes.iter().map(|bytes| bytes.next_multiple_of(self.unit)).sum();
        rounded as f64 / sizes.iter().sum::<u64>().max(1) as f64
    }

    /// `true` if no size was rounded and no state left out.
    pub fn is_exact(&mut self) -> bool {
        !self.rounds() && self.segment().is_exact()
    }

    /// Steps of the cost curve, least memory first. Of several close together, only the first is listed.
    pub fn steps(&mut self) -> Vec<Step> {
        let none = Step { units: 0, cost: f64::INFINITY };
        let mut steps: Vec<Step> = Vec::new();
        let mut least = none;
        for (units, &cost) in self.segment().step_costs().iter().enumerate() {
            if cost < least.cost {
                least = Step { units, cost };
            }
            let last = steps.last().copied().unwrap_or(none);
            if least.cost < last.cost && units >= last.units + last.units / CLOSE {
                steps.push(least);
            }
        }
        steps
    }

    /// The cheapest schedule in the `units` of one of [`Level::steps`].
    pub fn schedule(&mut self, units: usize) -> Schedule {
        unroll::schedule(self.segment(), units)
    }

    /// Least cost in `bytes`; `None` unless the level [is exact](Level::is_exact).
    pub fn optimum(&mut self, bytes: u64) -> Option<f64> {
        let units = (bytes / self.unit) as usize;
        self.is_exact().then(|| {
            let costs = self.segment().step_costs();
            costs[units.min(costs.len() - 1)]
        })
    }

    /// Frees its tables. They are solved again when they are needed.
    pub fn forget(&mut self) {
        self.solved = None;
    }

    fn effort(&self) -> Effort {
        let columns = self.columns as f64;
        Effort { operations: OPERATIONS / columns, rows: NUMBERS / columns }
    }

    fn segment(&mut self) -> &Segment {
        let effort = self.effort();
        self.solved.get_or_insert_with(|| {
            let links = Arc::new(Links::new(&self.chain, self.unit));
            Segment::solve(&links, 0..self.chain.layers(), self.columns, effort)
        })
    }
}

/// Bytes that every schedule needs: for any layer's forward pass, any layer's backward pass, and the loss.
fn least_need(chain: &Chain) -> u64 {
    let links = Links::new(chain, 1);
    let layers = 0..chain.layers();
    let forward = layers.clone().map(|layer| links.states[layer] + links.states[layer + 1]);
    let backward = layers.map(|layer| links.states[layer] + links.backward_need(layer));
    forward.chain(backward).chain([links.loss_need()]).max().unwrap_or(1) as u64
}

/// Largest unit that divides all sizes.
fn common_divisor(chain: &Chain) -> u64 {
    let sizes = chain.state_bytes[1..].iter().chain(&chain.delta_bytes);
    sizes.fold(0, |divisor, &bytes| greatest_common_divisor(divisor, bytes)).max(1)
}

fn greatest_common_divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

/// The unit that rounds the chain's sizes up least, among those that divide `top` into a number of columns
/// within [`COLUMNS`], or down to half that number.
fn convenient_unit(chain: &Chain, top: u64) -> u64 {
    let sizes = &chain.state_bytes[1..];
    let lost = |unit: u64| sizes.iter().map(|bytes| bytes.next_multiple_of(unit) - bytes).sum::<u64>();
    let mean = (sizes.iter().sum::<u64>() / sizes.len() as u64).max(1);
    // Every layer has one or two rows, however few sites there are.
    let most = (NUMBERS as u64 / (2 * sizes.len() as u64)).clamp(COLUMNS.start, COLUMNS.end);
    let columns = (top * UNITS_A_STATE / mean).clamp(COLUMNS.start, most);
    let (smallest, largest) = (top.div_ceil(columns), (2 * top).div_ceil(columns));
    // Candidates are units that divide some size almost evenly.
    let mut distinct = sizes.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    let spread = distinct.len().div_ceil(64);
    let candidates = distinct.iter().step_by(spread).flat_map(|&bytes| {
        let parts = bytes.div_ceil(largest).max(1)..=bytes / smallest;
        parts.take(64).map(move |parts| bytes.div_ceil(parts))
    });
    candidates.chain([smallest]).min_by_key(|&unit| (lost(unit), unit)).unwrap_or(smallest)
}
