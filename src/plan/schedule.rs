//! Schedules: the order of one training step's work.

use std::fmt;
use std::ops::Range;

use super::{Chain, Layers, Value};

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
    /// Computes the states after each of the layers from the state before the first, in the forward pass. Those between
    /// the layers are written to memory only if a later op reads them.
    Forward(Layers),
    /// Computes these states once more.
    Recompute(Layers),
    /// Computes the last layer's delta from the output state.
    Loss,
    /// Computes the delta below each of the layers from the states before them and the delta of the last, then updates
    /// the layers or accumulates their gradients.
    Backward(Layers),
    /// [`Op::Forward`] of the last layers, [`Op::Loss`] and [`Op::Backward`] of the same layers.
    ForwardBackward(Layers),
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

    /// Its name, without the layers.
    pub fn name(self) -> &'static str {
        match self {
            Op::Forward(_) => "forward",
            Op::Recompute(_) => "recompute",
            Op::Loss => "loss",
            Op::Backward(_) => "backward",
            Op::ForwardBackward(_) => "forward-backward",
            Op::Score => "score",
        }
    }

    /// `true` if it runs layers backward.
    pub fn is_backward(self) -> bool {
        matches!(self, Op::Backward(_) | Op::ForwardBackward(_))
    }

    /// `true` if it runs layers forward, for the first time.
    pub fn is_forward(self) -> bool {
        matches!(self, Op::Forward(_) | Op::ForwardBackward(_))
    }

    /// `true` if it computes the loss.
    pub fn has_loss(self) -> bool {
        matches!(self, Op::Loss | Op::ForwardBackward(_))
    }

    /// The layers that it runs; `None` for [`Op::Loss`] and [`Op::Score`].
    pub fn layers(self) -> Option<Layers> {
        match self {
            Op::Forward(layers)
            | Op::Recompute(layers)
            | Op::Backward(layers)
            | Op::ForwardBackward(layers) => Some(layers),
            Op::Loss | Op::Score => None,
        }
    }

    /// The values that it reads from memory, in a network of `layers` layers.
    pub(super) fn reads(self, layers: usize) -> impl Iterator<Item = Value> {
        let (states, delta) = match self {
            Op::Forward(run) | Op::Recompute(run) | Op::ForwardBackward(run) => {
                (run.first..run.first + 1, None)
            }
            Op::Loss | Op::Score => (layers..layers + 1, None),
            Op::Backward(run) => (run.range(), Some(run.last())),
        };
        states.map(Value::State).chain(delta.map(Value::Delta))
    }

    /// The values that it computes, of which [`Op::Forward`] and [`Op::Recompute`] may keep those between layers in the
    /// kernel.
    pub(super) fn computes(self, layers: usize) -> impl Iterator<Item = Value> {
        let (states, deltas) = match self {
            Op::Forward(run) | Op::Recompute(run) => (run.first + 1..run.end + 1, 0..0),
            Op::Loss => (0..0, layers - 1..layers),
            Op::Backward(run) => (0..0, run.first.saturating_sub(1)..run.last()),
            Op::ForwardBackward(run) => (run.first + 1..run.end + 1, run.first.saturating_sub(1)..run.end),
            Op::Score => (0..0, 0..0),
        };
        states.map(Value::State).chain(deltas.map(Value::Delta))
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.layers() {
            Some(layers) => write!(f, "{} {layers}", self.name()),
            None => f.write_str(self.name()),
        }
    }
}

/// A forward pass that keeps no state, and its evaluation.
pub(super) fn evaluation(layers: usize) -> Vec<Op> {
    (0..layers).map(Op::forward).chain([Op::Score]).collect()
}
