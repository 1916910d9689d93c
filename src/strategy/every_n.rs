//! Keeping every n-th state.

use std::ops::Range;

use crate::Result;
use crate::plan::{Chain, Op, Schedule, least_live_bytes, live_peak_bytes};

/// Keeps states 0, n, 2n, …, and recomputes each interval but the last right before its backward pass.
///
/// The states of the last interval are kept from the forward pass. The checkpoint that ends an interval is
/// not recomputed: the interval after it has just run backward, so it is still there.
pub(super) fn schedule(layers: usize, n: usize) -> Schedule {
    let intervals: Vec<_> = intervals(layers, n).collect();

    let mut ops: Vec<Op> = (0..layers).map(Op::forward).collect();
    ops.push(Op::Loss);
    for interval in intervals.iter().rev() {
        if interval.end < layers {
            ops.extend((interval.start..interval.end - 1).map(Op::recompute));
        }
        ops.extend(interval.clone().rev().map(Op::backward));
    }
    Schedule { intervals, ops }
}

fn intervals(layers: usize, n: usize) -> impl DoubleEndedIterator<Item = Range<usize>> {
    (0..layers).step_by(n).map(move |start| start..layers.min(start + n))
}

/// Values of n worth trying for a chain of `layers` layers: all of them up to 1,024 layers; beyond that, all
/// small ones, and then steps of 5 %.
pub(super) fn useful_n(layers: usize) -> impl Iterator<Item = usize> {
    let step = move |&n: &usize| Some(if layers <= 1024 { n + 1 } else { n + n.div_ceil(20) });
    std::iter::successors(Some(1), step).take_while(move |&n| n < layers).chain([layers])
}

/// Peaks and costs of every-n schedules of a chain. If layers run one by one, they are computed without the
/// schedule.
pub(super) struct EveryN<'a> {
    chain: &'a Chain,
    /// Bytes of all states up to each, without state 0.
    states: Vec<u64>,
    /// Bytes that each layer's forward pass holds if its input is not a checkpoint.
    forward: Vec<u64>,
    /// Bytes that each layer's backward pass holds if every state before it is kept.
    backward: Vec<u64>,
    /// FLOPs of all layers before each.
    flops: Vec<u64>,
}

impl<'a> EveryN<'a> {
    pub fn of(chain: &'a Chain) -> Self {
        let Chain { state_bytes, delta_bytes, forward_flops, .. } = chain;
        let sums = |values: &[u64]| {
            let running = values.iter().scan(0, |sum, value| {
                *sum += value;
                Some(*sum)
            });
            [0].into_iter().chain(running).collect::<Vec<u64>>()
        };
        let states = sums(&state_bytes[1..]);
        let below = |layer: usize| if layer > 0 { delta_bytes[layer - 1] } else { 0 };
        let layers = 0..chain.layers();
        EveryN {
            forward: state_bytes.windows(2).map(|pair| pair[0] + pair[1]).collect(),
            backward: layers.map(|layer| states[layer] + delta_bytes[layer] + below(layer)).collect(),
            flops: sums(forward_flops),
            states,
            chain,
        }
    }

    /// The n with the lowest peak, and among equals the one with the least recomputation.
    pub fn best(&self) -> usize {
        let layers = self.chain.layers();
        let cost = |&n: &usize| (self.live_bytes(n), self.recomputed_flops(n));
        let best = if self.chain.fusible.is_empty() {
            (1..=layers).min_by_key(cost)
        } else {
            useful_n(layers).min_by_key(cost)
        };
        best.unwrap_or(1)
    }

    /// The lowest peak of live bytes, however layers are fused.
    ///
    /// # Errors
    /// As [`crate::plan::Plan::new`].
    pub fn least_live_bytes(&self, n: usize) -> Result<u64> {
        if self.chain.fusible.is_empty() {
            return Ok(self.live_bytes(n));
        }
        least_live_bytes(self.chain, &schedule(self.chain.layers(), n))
    }

    /// Peak of live bytes.
    pub fn live_bytes(&self, n: usize) -> u64 {
        if !self.chain.fusible.is_empty() {
            // This fails only for schedules that read a value before it is computed, which these do not.
            return live_peak_bytes(self.chain, &schedule(self.chain.layers(), n)).unwrap_or(u64::MAX);
        }
        let Chain { state_bytes, delta_bytes, .. } = self.chain;
        let layers = self.chain.layers();
        let most = |bytes: &[u64]| bytes.iter().copied().max().unwrap_or(0);
        let mut checkpoints = 0;
        let mut peak = 0;
        for Range { start, end } in intervals(layers, n) {
            checkpoints += if start > 0 { state_bytes[start] } else { 0 };
            let forward = if end < layers {
                state_bytes[start + 1].max(most(&self.forward[start + 1..end]))
            } else {
                self.states[end] - self.states[start] + delta_bytes[end - 1]
            };
            let backward = most(&self.backward[start..end]) - self.states[start];
            peak = peak.max(checkpoints + forward.max(backward));
        }
        peak
    }

    /// FLOPs of recomputation.
    pub fn recomputed_flops(&self, n: usize) -> u64 {
        let layers = self.chain.layers();
        let recomputed = intervals(layers, n).filter(|interval| interval.end < layers);
        recomputed.map(|interval| self.flops[interval.end - 1] - self.flops[interval.start]).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::live_peak_bytes;

    /// Irregular sizes, with deltas that differ from the states in size.
    fn chain(layers: u64) -> Chain {
        let size = |index: u64| 4 * (1 + index * index * 7919 % 101);
        Chain {
            state_bytes: (0..=layers).map(size).collect(),
            delta_bytes: (0..layers).map(|layer| size(3 * layer + layers)).collect(),
            forward_flops: (0..layers).map(|layer| size(5 * layer)).collect(),
            fusible: Vec::new(),
            row_bytes: Vec::new(),
        }
    }

    #[test]
    fn peak_and_cost_are_those_of_the_schedule() {
        for layers in (1..40).chain([97]) {
            let chain = chain(layers);
            let every = EveryN::of(&chain);
            for n in 1..=chain.layers() + 1 {
                let schedule = schedule(chain.layers(), n);
                let live_bytes = live_peak_bytes(&chain, &schedule).unwrap();
                assert_eq!(every.live_bytes(n), live_bytes, "{layers} layers, every {n}");
                assert_eq!(every.recomputed_flops(n), schedule.recomputed_flops(&chain), "{layers}, {n}");
            }
        }
    }
}
