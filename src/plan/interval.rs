//! Peaks of live bytes by interval.

use std::ops::Range;

use super::{Op, Plan};
use crate::memory::ByCategory;

/// Peak of live bytes in one part of a step: the forward pass, or one interval's recomputation and backward
/// pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntervalMemory {
    /// Layers of the interval; for the forward pass all layers, or those below the last if these run forward and backward in
    /// one action.
    pub layers: Range<usize>,
    /// `true` for the forward pass, `false` for an interval's recomputation and backward pass, with the forward pass if one
    /// action runs both.
    pub is_forward_pass: bool,
    /// Positions of its actions in [`Plan::step`].
    pub actions: Range<usize>,
    /// Live bytes of the pool after the peak action.
    pub at_peak: ByCategory,
    /// The first action after which the part's live bytes are highest.
    pub peak_action: usize,
}

/// Splits the live bytes of a step into the forward pass and the intervals, in the order in which they run.
/// `trace` has one entry an action, predicted by the plan or counted.
pub fn interval_memory(plan: &Plan, trace: &[ByCategory]) -> Vec<IntervalMemory> {
    let parts = parts(plan);
    let mut rows: Vec<IntervalMemory> = Vec::new();
    for (index, (Part { layers, is_forward_pass }, &live)) in parts.into_iter().zip(trace).enumerate() {
        let is_same = |row: &IntervalMemory| row.layers == layers && row.is_forward_pass == is_forward_pass;
        match rows.last_mut().filter(|row| is_same(row)) {
            Some(row) => {
                row.actions.end = index + 1;
                if live.total() > row.at_peak.total() {
                    (row.at_peak, row.peak_action) = (live, index);
                }
            }
            None => rows.push(IntervalMemory {
                layers,
                is_forward_pass,
                actions: index..index + 1,
                at_peak: live,
                peak_action: index,
            }),
        }
    }
    rows
}

/// A part of a step.
#[derive(Clone)]
struct Part {
    layers: Range<usize>,
    is_forward_pass: bool,
}

/// The part of the step that each action belongs to. Recomputation of any layers belongs to the interval of
/// the next layer that runs backward. Intervals that run backward in one action are one part.
fn parts(plan: &Plan) -> Vec<Part> {
    let layers = plan.chain.layers();
    let mut next_backward = 0..0;
    let mut parts: Vec<_> = (plan.step.iter().rev())
        .map(|action| {
            let op = action.run().map(|run| run.op).filter(|op| op.is_backward());
            if let Some(layers) = op.and_then(Op::layers) {
                next_backward = interval_of(plan, layers.first).start..interval_of(plan, layers.last()).end;
            }
            Part { layers: next_backward.clone(), is_forward_pass: false }
        })
        .collect();
    parts.reverse();
    let loss = plan.step.iter().position(|action| action.run().is_some_and(|run| run.op.has_loss()));
    let joined = loss.and_then(|index| plan.step[index].run()).and_then(|run| run.op.layers());
    // The last layers may run forward together with their backward pass.
    let layers = joined.map_or(layers, |joined| joined.first);
    parts[..loss.unwrap_or(0)].fill(Part { layers: 0..layers, is_forward_pass: true });
    // A release belongs to the interval of the action that read the value last.
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
