use std::ops::Range;

use super::{Action, Plan};
use crate::memory::ByCategory;

/// What one part of a step held when it held most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntervalMemory {
    /// The interval's layers; all of them for the forward sweep.
    pub layers: Range<usize>,
    /// Whether this is the forward sweep, rather than an interval's recomputation and backward.
    pub forward_sweep: bool,
    /// Live bytes of the pool after the part's peak action.
    pub at_peak: ByCategory,
    /// The first action after which the part's live bytes are highest.
    pub peak_action: usize,
}

/// Splits a step's live bytes, one entry an action, into the forward sweep and the intervals, in the order that
/// they run. `trace` is the plan's own prediction or what was counted.
pub fn interval_memory(plan: &Plan, trace: &[ByCategory]) -> Vec<IntervalMemory> {
    let layers = plan.chain.layers();
    let mut rows: Vec<IntervalMemory> = Vec::new();
    let mut part = (0..layers, true);
    for (index, (action, &live)) in plan.step.iter().zip(trace).enumerate() {
        match *action {
            Action::Loss { .. } => part = (interval_of(plan, layers - 1), false),
            Action::Recompute { layer, .. } | Action::Backward { layer, .. } => {
                part = (interval_of(plan, layer), false);
            }
            Action::Forward { .. } | Action::Score { .. } | Action::Release { .. } => {}
        }
        match rows.last_mut().filter(|row| (&row.layers, row.forward_sweep) == (&part.0, part.1)) {
            Some(row) if live.total() > row.at_peak.total() => (row.at_peak, row.peak_action) = (live, index),
            Some(_) => {}
            None => rows.push(IntervalMemory {
                layers: part.0.clone(),
                forward_sweep: part.1,
                at_peak: live,
                peak_action: index,
            }),
        }
    }
    rows
}

fn interval_of(plan: &Plan, layer: usize) -> Range<usize> {
    let position = plan.intervals.partition_point(|interval| interval.end <= layer);
    plan.intervals[position].clone()
}
