use std::fmt;

use super::{Layers, SlotId};

/// One action of a plan, with the slots of its operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Compute state `layers.end` from state `layers.first`, in the forward pass.
    Forward {
        /// The layers to evaluate.
        layers: Layers,
        /// Slot of state `layers.first`.
        input: SlotId,
        /// Slot of state `layers.end`.
        output: SlotId,
        /// `true` if the state is a checkpoint: kept until loss or backward has read it.
        keep: bool,
    },
    /// Compute state `layers.end` again, with the kernel of the forward pass.
    Recompute {
        /// The layers to evaluate.
        layers: Layers,
        /// Slot of state `layers.first`.
        input: SlotId,
        /// Slot of state `layers.end`.
        output: SlotId,
    },
    /// Compute the last layer's delta from the output state and the micro-batch's targets, and add to the loss.
    Loss {
        /// Slot of the output state.
        output: SlotId,
        /// Slot of the last layer's delta.
        delta: SlotId,
    },
    /// Compute the delta of layer `layers.first - 1`, then update the parameters of `layers`. With several layers, the
    /// kernel recomputes the states between them in its own memory.
    Backward {
        /// The layers to differentiate.
        layers: Layers,
        /// Slot of state `layers.first`.
        state: SlotId,
        /// Slot of the delta of layer `layers.last()`.
        delta: SlotId,
        /// Slot of the delta of layer `layers.first - 1`; `None` for layer 0.
        below: Option<SlotId>,
    },
    /// Count the correct predictions in the output state.
    Score {
        /// Slot of the output state.
        output: SlotId,
    },
    /// Free a slot whose value has had its last reader.
    Release {
        /// The slot that becomes free.
        slot: SlotId,
    },
}

impl Action {
    /// `true` for [`Action::Release`], which computes nothing.
    pub fn is_release(&self) -> bool {
        matches!(self, Action::Release { .. })
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Action::Forward { layers, input, output, keep } => {
                let kept = if keep { ", kept" } else { "" };
                write!(f, "forward {layers}: slot {input} -> slot {output}{kept}")
            }
            Action::Recompute { layers, input, output } => {
                write!(f, "recompute {layers}: slot {input} -> slot {output}")
            }
            Action::Loss { output, delta } => write!(f, "loss: slot {output} -> slot {delta}"),
            Action::Backward { layers, state, delta, below: Some(below) } => {
                write!(f, "backward {layers}: slots {state}, {delta} -> slot {below}")
            }
            Action::Backward { layers, state, delta, below: None } => {
                write!(f, "backward {layers}: slots {state}, {delta}")
            }
            Action::Score { output } => write!(f, "score: slot {output}"),
            Action::Release { slot } => write!(f, "release slot {slot}"),
        }
    }
}
