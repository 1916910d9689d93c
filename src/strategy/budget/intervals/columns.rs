//! Kept states by dynamic programming over memory in whole units.

use std::ops::RangeInclusive;

use pulp::{Arch, NullaryFnOnce};

use super::{Intervals, Kept, Need};

/// Most numbers in a table, and most operations to fill it.
const NUMBERS: usize = 1 << 25;
const OPERATIONS: usize = 1 << 29;
/// Limits on the number of columns.
const COLUMNS: RangeInclusive<usize> = 512..=8192;

/// Least costs by memory, for a range of budgets.
///
/// Let C(a, r) be the least cost of recomputing the states above a if r bytes are left beside the states kept up to a. State a is
/// kept.
///
/// C(a, r) = min over b of cost(a, b) + C(b, r − w_b), where interval (a, b) needs at most r bytes.
///
/// Each row counts r in units from a base of its own. For small budgets the base is 0. For large ones it lies a fixed number of
/// bytes below those of keeping all states above a, so that columns count the bytes of states that are not kept.
pub(in super::super) struct Columns {
    scale: Scale,
    /// `[layers + 1, columns]`, as shares of a forward pass.
    costs: Vec<f32>,
}

/// The bytes that columns stand for.
struct Scale {
    unit: f64,
    columns: usize,
    /// Bytes of keeping everything, if columns count from there.
    all: Option<u64>,
    /// Most layers of an interval.
    longest: usize,
}

impl Columns {
    /// A table for budgets from `least` to `most` bytes, or from `least` to those of keeping everything.
    pub fn solve(intervals: &Intervals, least: u64, most: Option<u64>) -> Self {
        let (layers, all) = (intervals.layers, intervals.store_all_bytes());
        let longest = (4 * (all / least.max(1)) as usize + 64).min(layers);
        let columns = (NUMBERS / (layers + 1)).min(OPERATIONS / (layers * longest));
        let columns = columns.clamp(*COLUMNS.start(), *COLUMNS.end());
        let range = most.unwrap_or(all - least);
        let unit = range as f64 / (columns - 1) as f64;
        let all_if_counted = if most.is_some() { None } else { Some(all) };
        let mut table = Columns {
            scale: Scale { unit, columns, all: all_if_counted, longest },
            costs: vec![f32::INFINITY; (layers + 1) * columns],
        };
        Arch::new().dispatch(Fill { table: &mut table, intervals });
        table
    }

    /// At most `count` schedules that take `bytes` or less, those with the least recomputation first.
    pub fn within(&self, intervals: &Intervals, bytes: u64, count: usize) -> Vec<Kept> {
        let near = self.near(intervals, bytes);
        let mut found: Vec<Kept> = Vec::new();
        let mut before = f32::NAN;
        for column in (0..near).rev() {
            let cost = self.costs[column];
            if found.len() == count || cost.is_infinite() {
                break;
            }
            if cost != before {
                before = cost;
                let kept = intervals.keeping(self.trace(intervals, column));
                if kept.peak <= bytes && column < self.near(intervals, kept.peak) {
                    found.push(kept);
                }
            }
        }
        found
    }

    /// The end of the columns that are considered for `bytes`. Sizes are rounded, so that a schedule may take less than its column
    /// suggests.
    fn near(&self, intervals: &Intervals, bytes: u64) -> usize {
        let Scale { columns, .. } = self.scale;
        columns.min(self.scale.column(intervals, 0, bytes) + columns / 64 + 1)
    }

    /// The states that the cheapest schedule keeps, from a `column` of the first row on.
    fn trace(&self, intervals: &Intervals, column: usize) -> Vec<usize> {
        let (mut start, mut column) = (0, column);
        let mut kept = Vec::new();
        while start < intervals.layers {
            let least = self.costs[start * self.scale.columns + column.min(self.scale.columns - 1)];
            let is_least = |step: &Step| {
                step.first <= column && step.cost + self.rest(step.end, column, step.shift) == least
            };
            let Some(step) = self.scale.steps(intervals, start).find(is_least) else { break };
            column = column.saturating_add_signed(step.shift);
            start = step.end;
            if start < intervals.layers {
                kept.push(start);
            }
        }
        kept
    }

    /// Costs from `state` on, `shift` columns after `column`.
    fn rest(&self, state: usize, column: usize, shift: isize) -> f32 {
        match column.checked_add_signed(shift) {
            // Everything is kept.
            Some(column) if column >= self.scale.columns => 0.0,
            Some(column) => self.costs[state * self.scale.columns + column],
            None => f32::INFINITY,
        }
    }

    #[inline(always)]
    fn fill(&mut self, intervals: &Intervals) {
        let Columns { scale, costs, .. } = self;
        let (layers, columns) = (intervals.layers, scale.columns);
        let at_loss = intervals.last_delta + intervals.state_bytes[layers];
        let first = scale.column(intervals, layers, at_loss).min(columns);
        costs[layers * columns + first..].fill(0.0);
        for start in (0..layers).rev() {
            let (row, above) = costs[start * columns..].split_at_mut(columns);
            for step in scale.steps(intervals, start) {
                lower(row, &above[(step.end - start - 1) * columns..][..columns], &step);
            }
        }
    }
}

impl Scale {
    /// First column of row `state` that stands for `bytes` or more.
    fn column(&self, intervals: &Intervals, state: usize, bytes: u64) -> usize {
        let base = self.all.map_or(0.0, |all| {
            let above = all - intervals.states[state.min(intervals.layers - 1)];
            above as f64 - self.unit * (self.columns - 1) as f64
        });
        ((bytes as f64 - base) / self.unit).ceil().max(0.0) as usize
    }

    /// The intervals that may start at state `start`.
    #[inline(always)]
    fn steps<'a>(&'a self, intervals: &'a Intervals, start: usize) -> Steps<'a> {
        Steps { scale: self, intervals, start, end: start, need: Need::default() }
    }
}

/// An interval from some state to state `end`.
struct Step {
    end: usize,
    /// First column with enough memory for it.
    first: usize,
    /// Distance to the column for the states above `end`.
    shift: isize,
    cost: f32,
}

struct Steps<'a> {
    scale: &'a Scale,
    intervals: &'a Intervals,
    start: usize,
    end: usize,
    need: Need,
}

impl Iterator for Steps<'_> {
    type Item = Step;

    #[inline(always)]
    fn next(&mut self) -> Option<Step> {
        let Steps { scale, intervals, start, .. } = *self;
        if self.end == intervals.layers.min(start + scale.longest) {
            return None;
        }
        self.need = intervals.extend(self.need, start, self.end);
        self.end += 1;
        let first = scale.column(intervals, start, self.need.most());
        if first >= scale.columns {
            return None;
        }
        let end = self.end;
        let kept = if end < intervals.layers { intervals.state_bytes[end] as f64 } else { 0.0 };
        let bytes = if scale.all.is_some() { intervals.bytes_inside(start, end) as f64 } else { -kept };
        let share =
            intervals.flops_inside(start, end) as f64 / intervals.flops[intervals.layers].max(1) as f64;
        Some(Step { end, first, shift: (bytes / scale.unit).round() as isize, cost: share as f32 })
    }
}

/// [`Columns::fill`], compiled for the vector instructions of this processor.
struct Fill<'a> {
    table: &'a mut Columns,
    intervals: &'a Intervals,
}

impl NullaryFnOnce for Fill<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        self.table.fill(self.intervals);
    }
}

/// Lowers `row` to the cost of `step` and of the `rest` after it. Beyond the end of `rest`, everything is kept.
#[inline(always)]
fn lower(row: &mut [f32], rest: &[f32], step: &Step) {
    let Step { first, shift, cost, .. } = *step;
    let columns = row.len();
    let first = first.max(usize::try_from(-shift).unwrap_or(0)).min(columns);
    let inside = usize::try_from(columns as isize - shift).unwrap_or(0).clamp(first, columns);
    let from = first.saturating_add_signed(shift).min(columns);
    for (least, &other) in row[first..inside].iter_mut().zip(&rest[from..]) {
        let sum = cost + other;
        *least = if sum < *least { sum } else { *least };
    }
    for least in &mut row[inside..] {
        *least = if cost < *least { cost } else { *least };
    }
}
