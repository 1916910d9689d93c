//! Schedules: the order of one training step's work.

use std::ops::Range;

use super::{Chain, Layers};

/// The order of one training step's work, as a strategy chooses it. The lifetime of every value follows from
/// it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// Layers between neighbouring checkpoints, in ascending order. Every layer is in one of them.
    pub intervals: Vec<Range<usize>>,
    /// The step's work, in order.
    pub ops: Vec<Op>,
}

impl Schedule {
    /// Layers that are recomputed, in order.
    pub fn recomputed(&self) -> impl Iterator<Item = usize> + '_ {
        self.ops.iter().flat_map(|op| match *op {
            Op::Recompute(layers) => layers.range(),
            Op::Backward(layers) => layers.below_last(),
            _ => 0..0,
        })
    }

    /// FLOPs of all recomputation.
    pub fn recomputed_flops(&self, chain: &Chain) -> u64 {
        self.recomputed().map(|layer| chain.forward_flops[layer]).sum()
    }
}

/// One operation on a chain's values, before these have slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Op {
    /// Computes the state after the layers from the state before them, in the forward pass.
    Forward(Layers),
    /// Computes the state after the layers from the state before them once more.
    Recompute(Layers),
    /// Computes the last layer's delta from the output state.
    Loss,
    /// Updates the layers from the state before the first layer and the delta of the last, and computes the
    /// delta of the layer below the first. If there are several layers, all but the last are recomputed
    /// first.
    Backward(Layers),
    /// Evaluates the predictions in the output state.
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

/// A forward pass that keeps no state, and its evaluation.
pub(super) fn evaluation(layers: usize) -> Vec<Op> {
    (0..layers).map(Op::forward).chain([Op::Score]).collect()
}
