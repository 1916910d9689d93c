use std::ops::Range;

use super::{Chain, Layers};

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
        self.ops.iter().flat_map(|op| match *op {
            Op::Recompute(layers) => layers.range(),
            Op::Backward(layers) => layers.below_last(),
            _ => 0..0,
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
    /// Makes the state after the layers from the state before them, in the forward sweep.
    Forward(Layers),
    /// Makes the state after the layers from the state before them once more.
    Recompute(Layers),
    /// Makes the last layer's delta from the output state.
    Loss,
    /// Updates the layers from the state before the first and the last's delta, and makes the delta of the layer below
    /// the first. Of several layers, all but the last run again first.
    Backward(Layers),
    /// Counts the correct predictions in the output state.
    Score,
}

impl Op {
    /// [`Op::Forward`] of one layer.
    pub fn forward(layer: usize) -> Self {
        Op::Forward(layer.into())
    }

    /// [`Op::Recompute`] of one layer.
    pub fn recompute(layer: usize) -> Self {
        Op::Recompute(layer.into())
    }

    /// [`Op::Backward`] of one layer.
    pub fn backward(layer: usize) -> Self {
        Op::Backward(layer.into())
    }
}

/// A forward pass that keeps nothing, and its score.
pub(super) fn evaluation(layers: usize) -> Vec<Op> {
    (0..layers).map(Op::forward).chain([Op::Score]).collect()
}
