use std::ops::Range;

use crate::plan::{Chain, Op, Schedule, live_peak_bytes};

/// Keeps states 0, n, 2n, …; recomputes each interval but the last right before its backward.
///
/// The last interval is kept from the forward sweep. A checkpoint that ends an interval is not recomputed: it is
/// still there, for the interval after it has only just been passed.
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

/// The n worth trying for a chain of `layers` layers: all of them, or of a long chain all small ones and then one
/// in every stretch of 5 %.
pub(super) fn useful_n(layers: usize) -> impl Iterator<Item = usize> {
    let step = move |&n: &usize| Some(if layers <= 1024 { n + 1 } else { n + n.div_ceil(20) });
    std::iter::successors(Some(1), step).take_while(move |&n| n < layers).chain([layers])
}

/// What every n takes and costs, for any n; where layers run one by one, without its schedule.
pub(super) struct EveryN<'a> {
    chain: &'a Chain,
    /// Bytes of the states up to each, without state 0.
    states: Vec<u64>,
    /// What each layer's forward holds where its input is no checkpoint.
    forward: Vec<u64>,
    /// What each layer's backward holds where every state before it is kept.
    backward: Vec<u64>,
    /// What the layers before each cost.
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

    /// The n of which the fewest bytes live at once, and among equals the one that recomputes least.
    pub fn best(&self) -> usize {
        let layers = self.chain.layers();
        let cost = |&n: &usize| (self.live_bytes(n), self.recomputed_flops(n));
        match self.chain.fusible.is_empty() {
            true => (1..=layers).min_by_key(cost),
            false => useful_n(layers).min_by_key(cost),
        }
        .unwrap_or(1)
    }

    /// The most bytes that live at once.
    pub fn live_bytes(&self, n: usize) -> u64 {
        if !self.chain.fusible.is_empty() {
            // Only of a schedule that reads what it has not made is there no answer.
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

    /// What running layers again costs.
    pub fn recomputed_flops(&self, n: usize) -> u64 {
        let layers = self.chain.layers();
        let again = intervals(layers, n).filter(|interval| interval.end < layers);
        again.map(|interval| self.flops[interval.end - 1] - self.flops[interval.start]).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::live_peak_bytes;

    /// Sizes that look random, without deltas of the states' own sizes.
    fn chain(layers: u64) -> Chain {
        let size = |index: u64| 4 * (1 + index * index * 7919 % 101);
        Chain {
            state_bytes: (0..=layers).map(size).collect(),
            delta_bytes: (0..layers).map(|layer| size(3 * layer + layers)).collect(),
            forward_flops: (0..layers).map(|layer| size(5 * layer)).collect(),
            fusible: Vec::new(),
        }
    }

    #[test]
    fn what_every_n_takes_is_what_its_schedule_takes() {
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
