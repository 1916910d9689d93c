use std::ops::Range;

use super::Chain;

/// What a strategy decides: the order of one training step's work. How long each value lives follows from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// The layers between neighbouring checkpoints, first to last, covering every layer once.
    pub intervals: Vec<Range<usize>>,
    /// The step's work, in order.
    pub ops: Vec<Op>,
}

impl Schedule {
    /// The layers that run again, in order.
    pub fn recomputed(&self) -> impl Iterator<Item = usize> + '_ {
        self.ops.iter().filter_map(|op| match op {
            Op::Recompute(layer) => Some(*layer),
            _ => None,
        })
    }

    /// What running them again costs.
    pub fn recomputed_flops(&self, chain: &Chain) -> u64 {
        self.recomputed().map(|layer| chain.forward_flops[layer]).sum()
    }
}

/// One piece of work on a chain's values, before these have slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Op {
    /// Makes state `l + 1` from state `l`, in the forward sweep.
    Forward(usize),
    /// Makes state `l + 1` from state `l` once more.
    Recompute(usize),
    /// Makes the last layer's delta from the output state.
    Loss,
    /// Updates layer `l` from its state and delta, and makes the delta of the layer below.
    Backward(usize),
    /// Counts the correct predictions in the output state.
    Score,
}

/// A forward pass that keeps nothing, and its score.
pub(super) fn evaluation(layers: usize) -> Vec<Op> {
    (0..layers).map(Op::Forward).chain([Op::Score]).collect()
}
