use std::fmt;

use super::{Layers, SlotId};

/// One step of a plan, with the slots that its values live in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Make the state after the layers from the state before them.
    Forward {
        /// The layers.
        layers: Layers,
        /// Where state `layers.first` is.
        input: SlotId,
        /// Where state `layers.end` goes.
        output: SlotId,
        /// Whether that state is kept until loss or backward has read it.
        keep: bool,
    },
    /// Make the state after the layers again, with the same kernel.
    Recompute {
        /// The layers.
        layers: Layers,
        /// Where state `layers.first` is.
        input: SlotId,
        /// Where state `layers.end` goes.
        output: SlotId,
    },
    /// Make the last layer's delta from the output state and the labels, and add up the loss.
    Loss {
        /// Where the output state is.
        output: SlotId,
        /// Where the last layer's delta goes.
        delta: SlotId,
    },
    /// Make the delta of the layer below, then update these layers' parameters. Of several layers, all but the last
    /// run again first, in the kernel's own memory.
    Backward {
        /// The layers.
        layers: Layers,
        /// Where state `layers.first` is.
        state: SlotId,
        /// Where the delta of the last of them is.
        delta: SlotId,
        /// Where the delta of the layer below the first goes; none below layer 0.
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
