use std::fmt;

use super::SlotId;

/// One step of a plan, with the slots that its values live in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Make the layer's output state from its input state.
    Forward {
        /// The layer.
        layer: usize,
        /// Where state `layer` is.
        input: SlotId,
        /// Where state `layer + 1` goes.
        output: SlotId,
        /// Whether that state is kept until loss or backward has read it.
        keep: bool,
    },
    /// Make the layer's output state again, with the same kernel.
    Recompute {
        /// The layer.
        layer: usize,
        /// Where state `layer` is.
        input: SlotId,
        /// Where state `layer + 1` goes.
        output: SlotId,
    },
    /// Make the last layer's delta from the output state and the labels, and add up the loss.
    Loss {
        /// Where the output state is.
        output: SlotId,
        /// Where the last layer's delta goes.
        delta: SlotId,
    },
    /// Make the delta of the layer below, then update this layer's parameters.
    Backward {
        /// The layer.
        layer: usize,
        /// Where state `layer` is.
        state: SlotId,
        /// Where the layer's delta is.
        delta: SlotId,
        /// Where the delta of the layer below goes; none below layer 0.
        below: Option<SlotId>,
    },
    /// Count the correct predictions in the output state.
    Score {
        /// Where the output state is.
        output: SlotId,
    },
    /// The value in this slot has had its last reader; the slot may hold another.
    Release {
        /// The slot.
        slot: SlotId,
    },
}

impl Action {
    /// Whether this only gives a slot back.
    pub fn is_release(&self) -> bool {
        matches!(self, Action::Release { .. })
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Action::Forward { layer, input, output, keep } => {
                let kept = if keep { ", kept" } else { "" };
                write!(f, "forward layer {layer}: slot {input} -> slot {output}{kept}")
            }
            Action::Recompute { layer, input, output } => {
                write!(f, "recompute layer {layer}: slot {input} -> slot {output}")
            }
            Action::Loss { output, delta } => write!(f, "loss: slot {output} -> slot {delta}"),
            Action::Backward { layer, state, delta, below: Some(below) } => {
                write!(f, "backward layer {layer}: slots {state}, {delta} -> slot {below}")
            }
            Action::Backward { layer, state, delta, below: None } => {
                write!(f, "backward layer {layer}: slots {state}, {delta}")
            }
            Action::Score { output } => write!(f, "score: slot {output}"),
            Action::Release { slot } => write!(f, "release slot {slot}"),
        }
    }
}
