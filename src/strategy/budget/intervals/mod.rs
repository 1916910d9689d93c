//! Schedules that compute every state at most twice: some states are kept, and each interval between two of them is
//! recomputed once, as a whole, right before its backward pass.
//!
//! Recomputation then costs the sum over the states that are not kept, so that choosing them is a knapsack problem. What
//! PyTorch's partitioner solves ("activation memory budget", 2024) bounds the bytes of the kept states; here the constraint is
//! the true peak, to which each interval adds its states and deltas while it runs backward.

mod choices;
mod columns;
mod fill;
mod ratio;

pub(super) use choices::Choices;

use columns::Columns;
use ratio::Ratios;

use std::ops::Range;

use super::unroll;
use crate::plan::{Chain, Op, Schedule};

/// Running sums over a chain, with which peaks and costs of such schedules take one pass over the kept states.
pub(super) struct Intervals {
    layers: usize,
    state_bytes: Vec<u64>,
    /// FLOPs of recomputing each state; 0 for state 0.
    state_flops: Vec<u64>,
    /// Bytes of all states up to each, without state 0.
    states: Vec<u64>,
    /// FLOPs of all states up to each.
    flops: Vec<u64>,
    /// Bytes of each layer's delta and the one below.
    deltas: Vec<u64>,
    last_delta: u64,
    /// States between the first and the last, those first that save most FLOPs per byte.
    by_saving: Vec<usize>,
}

/// Bytes that an interval holds beside the states kept before it, as its end moves on.
#[derive(Clone, Copy, Default)]
struct Need {
    /// In the forward pass.
    forward: u64,
    /// In the backward pass.
    backward: u64,
}

/// A schedule, by what it keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    /// States that the forward pass keeps, in ascending order, without the first and the last.
    pub states: Vec<usize>,
    /// Peak of live bytes, layer by layer.
    pub peak: u64,
    /// FLOPs of recomputation.
    pub cost: u64,
}

impl Intervals {
    pub fn of(chain: &Chain) -> Self {
        let layers = chain.layers();
        let Chain { delta_bytes, forward_flops, .. } = chain;
        let below = |layer: usize| if layer > 0 { delta_bytes[layer - 1] } else { 0 };
        let mut state_bytes = chain.state_bytes.clone();
        state_bytes[0] = 0;
        let state_flops: Vec<u64> = [0].into_iter().chain(forward_flops.iter().copied()).collect();
        let mut intervals = Intervals {
            layers,
            states: running_sums(&state_bytes),
            flops: running_sums(&state_flops),
            deltas: (0..layers).map(|layer| delta_bytes[layer] + below(layer)).collect(),
            last_delta: delta_bytes[layers - 1],
            state_bytes,
            state_flops,
            by_saving: Vec::new(),
        };
        let mut by_saving: Vec<usize> = (1..layers).collect();
        by_saving.sort_by(|&a, &b| intervals.saved_per_byte(b).total_cmp(&intervals.saved_per_byte(a)));
        intervals.by_saving = by_saving;
        intervals
    }

    /// Peak of keeping everything.
    pub fn store_all_bytes(&self) -> u64 {
        self.keeping((1..self.layers).collect()).peak
    }

    /// Bytes of the states after `start` and before `end`.
    fn bytes_inside(&self, start: usize, end: usize) -> u64 {
        self.states[end - 1] - self.states[start]
    }

    /// FLOPs of recomputing the states after `start` and before `end`.
    fn flops_inside(&self, start: usize, end: usize) -> u64 {
        self.flops[end - 1] - self.flops[start]
    }

    /// Extends the interval that starts at state `start` by `layer`.
    fn extend(&self, need: Need, start: usize, layer: usize) -> Need {
        let input = if layer > start { self.state_bytes[layer] } else { 0 };
        let forward = input + self.state_bytes[layer + 1];
        let backward = self.states[layer] - self.states[start] + self.deltas[layer];
        Need { forward: need.forward.max(forward), backward: need.backward.max(backward) }
    }

    fn need(&self, interval: Range<usize>) -> Need {
        let start = interval.start;
        interval.fold(Need::default(), |need, layer| self.extend(need, start, layer))
    }

    /// The intervals between `kept` states, each with the bytes kept before it.
    fn with_bytes_before<'a>(&'a self, kept: &'a [usize]) -> impl Iterator<Item = (Range<usize>, u64)> + 'a {
        let starts = [0].into_iter().chain(kept.iter().copied());
        let ends = kept.iter().copied().chain([self.layers]);
        starts.zip(ends).scan(0, |before, (start, end)| {
            *before += self.state_bytes[start];
            Some((start..end, *before))
        })
    }

    /// The schedule that keeps these states.
    pub fn keeping(&self, states: Vec<usize>) -> Kept {
        let mut peak = 0;
        let mut cost = 0;
        let mut held = 0;
        for (interval, before) in self.with_bytes_before(&states) {
            held = before;
            cost += self.flops_inside(interval.start, interval.end);
            peak = peak.max(before + self.need(interval).most());
        }
        let at_loss = held + self.state_bytes[self.layers] + self.last_delta;
        Kept { states, peak: peak.max(at_loss), cost }
    }

    /// Lower bound on the recomputation of any schedule whose peak is at most `bytes`: what is not live at the loss must be
    /// recomputed. It may count a part of a state.
    fn bound(&self, bytes: u64) -> f64 {
        let mut left = bytes.saturating_sub(self.state_bytes[self.layers] + self.last_delta) as f64;
        let mut cost = self.flops_inside(0, self.layers) as f64;
        for &state in &self.by_saving {
            let bytes = self.state_bytes[state] as f64;
            cost -= self.state_flops[state] as f64 * (left / bytes).min(1.0);
            left = (left - bytes).max(0.0);
        }
        cost
    }

    /// FLOPs that keeping a state saves, per byte.
    fn saved_per_byte(&self, state: usize) -> f64 {
        self.state_flops[state] as f64 / self.state_bytes[state].max(1) as f64
    }

    pub fn schedule(&self, kept: &[usize]) -> Schedule {
        let mut ops: Vec<Op> = (0..self.layers).map(Op::forward).collect();
        ops.push(Op::Loss);
        let starts: Vec<usize> = [0].into_iter().chain(kept.iter().copied()).collect();
        let mut end = self.layers;
        for &start in starts.iter().rev() {
            ops.extend((start..end - 1).map(Op::recompute));
            ops.extend((start..end).rev().map(Op::backward));
            end = start;
        }
        Schedule { intervals: unroll::intervals(&starts, self.layers), ops }
    }
}

impl Need {
    fn most(self) -> u64 {
        self.forward.max(self.backward)
    }
}

fn running_sums(values: &[u64]) -> Vec<u64> {
    let sum = |sum: &mut u64, value: &u64| {
        *sum += value;
        Some(*sum)
    };
    values.iter().scan(0, sum).collect()
}
