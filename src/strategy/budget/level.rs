use std::ops::Range;
use std::sync::Arc;

use super::links::Links;
use super::segment::Segment;
use super::sites::Effort;
use super::unroll;
use crate::plan::{Chain, Schedule};

/// About how many operations solving a level may take, and how many numbers its tables may have.
const OPERATIONS: f64 = 1.5e8;
const NUMBERS: f64 = 1.5e7;
/// How many columns a table has: at least so many, and up to so many more where states are small against the budget.
const COLUMNS: Range<u64> = 512..8192;
/// Schedules whose memory differs by less than one part in so many are not told apart.
const CLOSE: usize = 256;
/// Into how many units the mean state should be divided.
const UNITS_A_STATE: u64 = 4;

/// A range of budgets with the unit of memory that it is solved in. Levels come from the chain alone, never from a
/// budget, so that a larger budget has every schedule of a smaller one to choose from.
pub(super) struct Level {
    chain: Arc<Chain>,
    pub unit: u64,
    columns: usize,
    solved: Option<Segment>,
}

impl Level {
    /// The levels of `chain`, least budgets first: one that is exact where its table is small enough, else one for
    /// each doubling of the least memory that any schedule needs, up to what storing everything takes.
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

    /// The largest budget that its table has a column for.
    pub fn top(&self) -> u64 {
        self.unit * (self.columns as u64 - 1)
    }

    /// How many units a schedule may have been given that takes `bytes`: sizes are rounded up by so much on average.
    pub fn most_units(&self, bytes: u64) -> usize {
        (bytes as f64 * self.rounded_share() / self.unit as f64) as usize
    }

    /// The fewest bytes that may have been given `units`.
    pub fn least_bytes(&self, units: usize) -> u64 {
        let near = (units as f64 * self.unit as f64 / self.rounded_share()) as u64;
        (near.saturating_sub(1)..).find(|&bytes| self.most_units(bytes) >= units).unwrap_or(near)
    }

    /// What all states take in whole units, by what they take.
    fn rounded_share(&self) -> f64 {
        let sizes = &self.chain.state_bytes[1..];
        let rounded: u64 = sizes.iter().map(|bytes| bytes.next_multiple_of(self.unit)).sum();
        rounded as f64 / sizes.iter().sum::<u64>().max(1) as f64
    }

    /// Whether no size was rounded, and no state left out.
    pub fn is_exact(&mut self) -> bool {
        let sizes = self.chain.state_bytes[1..].iter().chain(&self.chain.delta_bytes);
        let divides = sizes.into_iter().all(|bytes| bytes.is_multiple_of(self.unit));
        divides && self.segment().is_exact()
    }

    /// Numbers of units at which more memory starts to cost less, with that cost, least memory first; of many close
    /// together, only the first.
    pub fn steps(&mut self) -> Vec<(usize, f64)> {
        let mut steps: Vec<(usize, f64)> = Vec::new();
        // The least cost so far, and the number of units from which on it is known.
        let mut least = (0, f64::INFINITY);
        for (units, &cost) in self.segment().first_costs().iter().enumerate() {
            if cost < least.1 {
                least = (units, cost);
            }
            let (last, before) = steps.last().copied().unwrap_or((0, f64::INFINITY));
            if least.1 < before && units >= last + last / CLOSE {
                steps.push(least);
            }
        }
        steps
    }

    /// The cheapest schedule in `units`, one of [`Level::steps`].
    pub fn schedule(&mut self, units: usize) -> Schedule {
        unroll::schedule(self.segment(), units)
    }

    /// The least cost in `bytes`, where it [is exact](Level::is_exact).
    pub fn optimum(&mut self, bytes: u64) -> Option<f64> {
        let units = (bytes / self.unit) as usize;
        self.is_exact().then(|| {
            let costs = self.segment().first_costs();
            costs[units.min(costs.len() - 1)]
        })
    }

    /// Gives its tables back; they are made again when they are needed.
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

/// Bytes that every schedule needs: one layer's forward, and one layer's backward.
fn least_need(chain: &Chain) -> u64 {
    let links = Links::new(chain, 1);
    let layers = 0..chain.layers();
    let forward = layers.clone().map(|layer| links.states[layer] + links.states[layer + 1]);
    let backward = layers.map(|layer| links.states[layer] + links.backward_need(layer));
    forward.chain(backward).chain([links.loss_need()]).max().unwrap_or(1) as u64
}

/// The largest unit that all sizes are multiples of.
fn common_divisor(chain: &Chain) -> u64 {
    let sizes = chain.state_bytes[1..].iter().chain(&chain.delta_bytes);
    sizes.fold(0, |divisor, &bytes| greatest_common_divisor(divisor, bytes)).max(1)
}

fn greatest_common_divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

/// Of the units that divide `top` into as many columns as [`COLUMNS`] says, or down to half as many, one that rounds the chain's sizes up least.
fn convenient_unit(chain: &Chain, top: u64) -> u64 {
    let sizes = &chain.state_bytes[1..];
    let lost = |unit: u64| sizes.iter().map(|bytes| bytes.next_multiple_of(unit) - bytes).sum::<u64>();
    let mean = (sizes.iter().sum::<u64>() / sizes.len() as u64).max(1);
    // Every layer has a row or two, however few sites there are.
    let most = (NUMBERS as u64 / (2 * sizes.len() as u64)).clamp(COLUMNS.start, COLUMNS.end);
    let columns = (top * UNITS_A_STATE / mean).clamp(COLUMNS.start, most);
    let (smallest, largest) = (top.div_ceil(columns), (2 * top).div_ceil(columns));
    // A unit is convenient if it divides some size.
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
