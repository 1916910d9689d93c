//! The schedules that are considered for a budget.

use super::{Columns, Intervals, Kept, Ratios};
use crate::plan::{Chain, Schedule, caps};

/// Number of states, over all schedules, that schedules are made from.
const STATES: usize = 20_000;

/// Finds schedules of one chain that compute every state at most twice, for any number of budgets.
pub(in super::super) struct Choices {
    intervals: Intervals,
    ratios: Ratios,
    tables: Vec<Table>,
}

/// A table for peaks from `least` to `most` bytes, solved when it is needed. Each peak is in one of them.
struct Table {
    least: u64,
    most: u64,
    /// `true` if its columns count from the bytes of keeping everything.
    from_all: bool,
    solved: Option<Columns>,
}

impl Choices {
    pub fn of(chain: &Chain) -> Self {
        let intervals = Intervals::of(chain);
        let ratios = Ratios::of(&intervals);
        let all = intervals.store_all_bytes();
        let mut tables = Vec::new();
        let mut most = all;
        for (least, from_all) in [(all / 8 * 7, true), (all / 2, true)] {
            tables.push(Table { least, most, from_all, solved: None });
            most = least.saturating_sub(1);
        }
        // Below the bytes of two or three intervals, none can hold its states.
        while most > all / intervals.layers as u64 {
            let least = most / 2;
            tables.push(Table { least, most, from_all: false, solved: None });
            most = least.saturating_sub(1);
        }
        Choices { intervals, ratios, tables }
    }

    /// Schedules that take at most `bytes`, those with the least recomputation first.
    ///
    /// Some take less than `bytes`, since a pool may take more than the live bytes.
    pub fn within(&mut self, bytes: u64) -> Vec<Kept> {
        let mut found: Vec<Kept> = Vec::new();
        for (index, cap) in caps(bytes).enumerate() {
            let mut of_cap = self.at(cap);
            of_cap.truncate(if index == 0 { 4 } else { 2 });
            found.extend(of_cap);
        }
        sorted(found)
    }

    fn at(&mut self, bytes: u64) -> Vec<Kept> {
        let count = (STATES / self.intervals.layers).clamp(2, 8);
        let mut found: Vec<Kept> = self.ratios.within(bytes).take(count).cloned().collect();
        let table = self.tables.partition_point(|table| table.least > bytes);
        for unused in self.tables.iter_mut().enumerate().filter(|(index, _)| index.abs_diff(table) > 1) {
            unused.1.solved = None;
        }
        // Peaks may all be above the first.
        let schedules = self
            .tables
            .iter_mut()
            .skip(table)
            .take(2)
            .map(|table| table.within(&self.intervals, bytes, count));
        found.extend(schedules.into_iter().find(|found| !found.is_empty()).unwrap_or_default());
        sorted(found.iter().map(|kept| self.intervals.fill(kept, bytes)).collect())
    }

    pub fn schedule(&self, kept: &Kept) -> Schedule {
        self.intervals.schedule(&kept.states)
    }

    /// Lower bound on the recomputation of any schedule, with states recomputed any number of times, whose peak is at most
    /// `bytes`.
    ///
    /// At the loss, the output and its delta are live, and all states that do not fit beside them must be recomputed. The bound
    /// allows for a part of a state.
    pub fn bound(&self, bytes: u64) -> f64 {
        self.intervals.bound(bytes)
    }
}

impl Table {
    fn within(&mut self, intervals: &Intervals, bytes: u64, count: usize) -> Vec<Kept> {
        let Table { least, most, from_all, .. } = *self;
        let table = self.solved.get_or_insert_with(|| {
            let most = if from_all { None } else { Some(most) };
            Columns::solve(intervals, least - least / 32, most)
        });
        let mut found = table.within(intervals, bytes.min(most), count);
        found.retain(|kept| kept.peak >= least);
        found
    }
}

/// Without repetitions, the least recomputation first.
fn sorted(mut schedules: Vec<Kept>) -> Vec<Kept> {
    schedules.sort_by(|a, b| (a.cost, a.peak, &a.states).cmp(&(b.cost, b.peak, &b.states)));
    schedules.dedup();
    schedules
}
