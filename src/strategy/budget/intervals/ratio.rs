//! Kept states by the FLOPs that they save per byte: for chains of many layers, where no single state matters much.

use super::{Intervals, Kept, Need};

/// Number of prices that are tried.
const PRICES: usize = 96;
/// Most layers of an interval.
const LONGEST: usize = 256;
/// Ends of an interval that are tried after the first for which there is no room: a wide state at its end makes room.
const PATIENCE: usize = 8;

/// Schedules for ever higher prices of memory, in FLOPs per byte: the Lagrange relaxation of the knapsack.
pub(in super::super) struct Ratios {
    /// In ascending order of their peaks.
    kept: Vec<Kept>,
}

impl Ratios {
    pub fn of(intervals: &Intervals) -> Self {
        let mut ratios: Vec<f64> =
            (1..intervals.layers).map(|state| intervals.saved_per_byte(state)).collect();
        ratios.sort_by(f64::total_cmp);
        ratios.dedup();
        let mut prices: Vec<f64> = (0..PRICES.min(ratios.len()))
            .map(|step| ratios[step * ratios.len() / PRICES.min(ratios.len())])
            .collect();
        // Above every ratio, a state is kept only where an interval could not run otherwise.
        prices.extend(ratios.last().map(|most| 2.0 * most));
        let mut kept: Vec<Kept> = prices.into_iter().map(|price| at_price(intervals, price)).collect();
        kept.sort_by_key(|kept| (kept.peak, kept.cost));
        kept.dedup();
        Ratios { kept }
    }

    /// Schedules that take at most `bytes`, the largest first.
    pub fn within(&self, bytes: u64) -> impl Iterator<Item = &Kept> {
        self.kept.iter().rev().filter(move |kept| kept.peak <= bytes)
    }
}

/// The schedule with the least recomputation, if each kept byte costs as much as `price` FLOPs.
///
/// It is found from the last layer to the first. What an interval may hold beside the states kept before it is what the loss
/// holds beside them: the states kept after it, which are known then, and a delta.
fn at_price(intervals: &Intervals, price: f64) -> Kept {
    let layers = intervals.layers;
    let mut costs = vec![0.0; layers + 1];
    let mut room = vec![intervals.last_delta + intervals.state_bytes[layers]; layers + 1];
    let mut next = vec![layers; layers + 1];
    for start in (0..layers).rev() {
        let mut best = (f64::INFINITY, start + 1);
        let (mut need, mut too_long) = (Need::default(), 0);
        for end in start + 1..=layers.min(start + LONGEST) {
            need = intervals.extend(need, start, end - 1);
            let kept = if end < layers { intervals.state_bytes[end] } else { 0 };
            if end > start + 1 && need.backward > room[end] + kept {
                too_long += 1;
                if too_long > PATIENCE {
                    break;
                }
                continue;
            }
            let cost = intervals.flops_inside(start, end) as f64 + price * kept as f64 + costs[end];
            if cost < best.0 {
                best = (cost, end);
            }
        }
        let end = best.1;
        let kept = if end < layers { intervals.state_bytes[end] } else { 0 };
        (costs[start], next[start], room[start]) = (best.0, end, room[end] + kept);
    }
    let ends =
        std::iter::successors(Some(next[0]), |&state| Some(next[state])).take_while(|&state| state < layers);
    intervals.keeping(ends.collect())
}
