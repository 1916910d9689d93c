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
    /// Its actions: positions in [`Plan::step`].
    pub actions: Range<usize>,
    /// Live bytes of the pool after the part's peak action.
    pub at_peak: ByCategory,
    /// The first action after which the part's live bytes are highest.
    pub peak_action: usize,
}

/// Splits a step's live bytes, one entry an action, into the forward sweep and the intervals, in the order that
/// they run. `trace` is the plan's own prediction or what was counted.
pub fn interval_memory(plan: &Plan, trace: &[ByCategory]) -> Vec<IntervalMemory> {
    let parts = parts(plan);
    let mut rows: Vec<IntervalMemory> = Vec::new();
    for (index, ((layers, forward_sweep), &live)) in parts.into_iter().zip(trace).enumerate() {
        match rows.last_mut().filter(|row| row.layers == layers && row.forward_sweep == forward_sweep) {
            Some(row) => {
                row.actions.end = index + 1;
                if live.total() > row.at_peak.total() {
                    (row.at_peak, row.peak_action) = (live, index);
                }
            }
            None => rows.push(IntervalMemory {
                layers,
                forward_sweep,
                actions: index..index + 1,
                at_peak: live,
                peak_action: index,
            }),
        }
    }
    rows
}

/// Of each action, the interval that it serves, and whether it is of the forward sweep. What runs again, of whichever
/// layers, serves the next layer that goes backward.
fn parts(plan: &Plan) -> Vec<(Range<usize>, bool)> {
    let layers = plan.chain.layers();
    let mut next_backward = 0;
    let mut parts: Vec<_> = (plan.step.iter().rev())
        .map(|action| {
            if let Action::Backward { layers, .. } = *action {
                next_backward = layers.first;
            }
            (interval_of(plan, next_backward), false)
        })
        .collect();
    parts.reverse();
    let loss = plan.step.iter().position(|action| matches!(action, Action::Loss { .. }));
    parts.iter_mut().take(loss.unwrap_or(0)).for_each(|part| *part = (0..layers, true));
    // A value given back after the action that read it last is part of that action's interval.
    for index in 1..parts.len() {
        if plan.step[index].is_release() {
            parts[index] = parts[index - 1].clone();
        }
    }
    parts
}

fn interval_of(plan: &Plan, layer: usize) -> Range<usize> {
    let position = plan.intervals.partition_point(|interval| interval.end <= layer);
    plan.intervals[position].clone()
}
