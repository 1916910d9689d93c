//! The one interpreter of plans.

use crate::Result;
use crate::memory::{Category, LiveMeter};
use crate::plan::{Action, Chain, Layers, SlotId};

/// The work of a backend for one action of a plan.
///
/// Forward and recompute are the same work, and a backend is not told whether the state is kept, so that no backend can
/// make them differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Work {
    /// Compute state `layers.end` from state `layers.first`.
    Forward {
        /// The layers to evaluate.
        layers: Layers,
        /// Slot of state `layers.first`.
        input: SlotId,
        /// Slot of state `layers.end`.
        output: SlotId,
    },
    /// Compute the last layer's delta from the output state and the micro-batch's targets, and add to the pass's loss.
    Loss {
        /// Slot of the output state.
        output: SlotId,
        /// Slot of the last layer's delta.
        delta: SlotId,
    },
    /// Compute the delta of layer `layers.first - 1` if there is one, then update the parameters of `layers` or
    /// accumulate their gradients.
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
    /// Count the correct predictions in the output state, and add to the pass's loss.
    Score {
        /// Slot of the output state.
        output: SlotId,
    },
    /// Nothing to compute: the value in this slot is no longer needed.
    Release {
        /// The slot that becomes free.
        slot: SlotId,
    },
}

impl From<Action> for Work {
    fn from(action: Action) -> Self {
        match action {
            Action::Forward { layers, input, output, keep: _ }
            | Action::Recompute { layers, input, output } => Work::Forward { layers, input, output },
            Action::Loss { output, delta } => Work::Loss { output, delta },
            Action::Backward { layers, state, delta, below } => {
                Work::Backward { layers, state, delta, below }
            }
            Action::Score { output } => Work::Score { output },
            Action::Release { slot } => Work::Release { slot },
        }
    }
}

/// Runs the work of a plan, on the slots of the plan that it was made for.
pub trait Backend {
    /// Runs `work`, or queues it behind the work before.
    ///
    /// # Errors
    /// Errors of the backend; those of queued work may come with a later call.
    fn run(&mut self, work: Work) -> Result<()>;
}

/// Runs `actions` on `backend`, and tells `meter` which values come and go.
///
/// # Errors
/// The first error of the backend.
pub fn execute(
    chain: &Chain,
    actions: &[Action],
    backend: &mut (impl Backend + ?Sized),
    meter: &mut LiveMeter,
) -> Result<()> {
    meter.start();
    for &action in actions {
        backend.run(action.into())?;
        match action {
            Action::Forward { layers, output, keep, .. } => {
                let category = if keep { Category::Checkpoints } else { Category::Recomputed };
                meter.occupy(output, category, chain.state_bytes[layers.end]);
            }
            Action::Recompute { layers, output, .. } => {
                meter.occupy(output, Category::Recomputed, chain.state_bytes[layers.end]);
            }
            Action::Loss { delta, .. } => {
                meter.occupy(delta, Category::Deltas, chain.delta_bytes[chain.layers() - 1]);
            }
            Action::Backward { layers, below: Some(below), .. } => {
                meter.occupy(below, Category::Deltas, chain.delta_bytes[layers.first - 1]);
            }
            Action::Backward { below: None, .. } | Action::Score { .. } => {}
            Action::Release { slot } => meter.vacate(slot),
        }
        meter.sample();
    }
    Ok(())
}
