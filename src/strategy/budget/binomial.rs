//! Binomial checkpointing, for chains too long for tables near the least memory.

use std::ops::Range;

use super::unroll;
use crate::plan::{Chain, Op, Schedule};

/// The schedule of Revolve with so many `snapshots` beside state 0 (Griewank and Walther, "Algorithm 799: Revolve", 2000),
/// which is optimal if all layers are equal. Among splits that are equally good then, the one at the smallest state is taken.
pub(super) fn schedule(chain: &Chain, snapshots: usize) -> Schedule {
    let layers = chain.layers();
    let mut builder = Builder { chain, ops: Vec::new() };
    let mut kept = vec![0];
    let mut free = snapshots;
    // The forward pass takes the first split of each stretch that ends with the loss.
    while free > 0 && layers - kept[kept.len() - 1] > 1 {
        let start = kept[kept.len() - 1];
        kept.push(builder.split(start..layers, free));
        free -= 1;
    }
    builder.ops.extend((0..layers).map(Op::forward));
    builder.ops.push(Op::Loss);
    let mut end = layers;
    for (free, &start) in (snapshots + 1 - kept.len()..).zip(kept.iter().rev()) {
        builder.backward(start..end, free);
        end = start;
    }
    Schedule { intervals: unroll::intervals(&kept, layers), ops: builder.ops }
}

/// Fewest snapshots with which no state is recomputed more than once.
pub(super) fn most_snapshots(layers: usize) -> usize {
    (1..).find(|&snapshots| reach(snapshots, 2) >= layers).unwrap_or(layers)
}

/// Layers that [`schedule`] runs forward if all layers are equal, with those of the forward pass.
pub(super) fn runs(layers: usize, snapshots: usize) -> usize {
    let repeats = (1..).find(|&repeats| reach(snapshots, repeats) >= layers).unwrap_or(layers);
    (repeats * layers).saturating_sub(reach(snapshots + 1, repeats - 1))
}

struct Builder<'a> {
    chain: &'a Chain,
    ops: Vec<Op>,
}

impl Builder<'_> {
    /// The backward pass of `layers` from the state before them, with so many `free` snapshots.
    fn backward(&mut self, mut layers: Range<usize>, free: usize) {
        while layers.len() > 1 {
            if free == 0 {
                self.ops.extend((layers.start..layers.end - 1).map(Op::recompute));
                self.ops.push(Op::backward(layers.end - 1));
                layers.end -= 1;
            } else {
                let split = self.split(layers.clone(), free);
                self.ops.extend((layers.start..split).map(Op::recompute));
                self.backward(split..layers.end, free - 1);
                layers.end = split;
            }
        }
        self.ops.push(Op::backward(layers.start));
    }

    /// The state to keep first.
    fn split(&self, layers: Range<usize>, free: usize) -> usize {
        let length = layers.len();
        let repeats = (1..).find(|&repeats| reach(free, repeats) >= length).unwrap_or(length);
        let shortest = reach_below(free, repeats, 2).max(length.saturating_sub(reach(free - 1, repeats)));
        let longest =
            reach_below(free, repeats, 1).min(length - reach_below(free - 1, repeats, 1).min(length));
        let (shortest, longest) = (shortest.clamp(1, length - 1), longest.clamp(1, length - 1));
        let splits = layers.start + shortest..=layers.start + longest.max(shortest);
        splits.rev().min_by_key(|&state| self.chain.state_bytes[state]).unwrap_or(layers.start + shortest)
    }
}

/// Layers that can be reversed with so many `snapshots` if each runs forward at most `repeats` times:
/// C(snapshots + repeats, repeats), saturating.
fn reach(snapshots: usize, repeats: usize) -> usize {
    let small = snapshots.min(repeats);
    (0..small).fold(1, |product: usize, index| {
        product.checked_mul(snapshots + repeats - index).map_or(usize::MAX, |product| product / (index + 1))
    })
}

/// [`reach`] with `fewer` repeats; 0 if there are none.
fn reach_below(snapshots: usize, repeats: usize, fewer: usize) -> usize {
    repeats.checked_sub(fewer).map_or(0, |repeats| reach(snapshots, repeats))
}
