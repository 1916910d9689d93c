//! The one interpreter of plans.

use crate::Result;
use crate::memory::{Category, LiveMeter};
use crate::plan::{Action, Chain, Layers, SlotId};

/// What a machine must do to run plans. Slots are those of the plan that it was made for.
///
/// Forward and recompute are one call, so that no backend can make them differ.
pub trait Backend {
    /// Makes state `layers.end` in `output` from state `layers.first` in `input`.
    fn forward(&mut self, layers: Layers, input: SlotId, output: SlotId) -> Result<()>;

    /// Makes the last layer's delta from the output state and the batch's labels, and adds up the loss.
    fn loss(&mut self, output: SlotId, delta: SlotId) -> Result<()>;

    /// Makes the delta of the layer below the first, where there is one, then updates the layers' parameters, or adds to
    /// the gradients that will.
    fn backward(&mut self, layers: Layers, state: SlotId, delta: SlotId, below: Option<SlotId>)
    -> Result<()>;

    /// Counts the correct predictions in the output state, and adds up the loss.
    fn score(&mut self, output: SlotId) -> Result<()>;

    /// The value in `slot` is no longer needed.
    fn release(&mut self, _slot: SlotId) -> Result<()> {
        Ok(())
    }
}

/// Runs `actions` on `backend`, and tells `meter` which values come and go.
///
/// # Errors
/// The first one that the backend meets.
pub fn execute(
    chain: &Chain,
    actions: &[Action],
    backend: &mut (impl Backend + ?Sized),
    meter: &mut LiveMeter,
) -> Result<()> {
    meter.start();
    for action in actions {
        match *action {
            Action::Forward { layers, input, output, keep } => {
                backend.forward(layers, input, output)?;
                let category = if keep { Category::Checkpoints } else { Category::Recomputed };
                meter.occupy(output, category, chain.state_bytes[layers.end]);
            }
            Action::Recompute { layers, input, output } => {
                backend.forward(layers, input, output)?;
                meter.occupy(output, Category::Recomputed, chain.state_bytes[layers.end]);
            }
            Action::Loss { output, delta } => {
                backend.loss(output, delta)?;
                meter.occupy(delta, Category::Deltas, chain.delta_bytes[chain.layers() - 1]);
            }
            Action::Backward { layers, state, delta, below } => {
                backend.backward(layers, state, delta, below)?;
                if let Some(below) = below {
                    meter.occupy(below, Category::Deltas, chain.delta_bytes[layers.first - 1]);
                }
            }
            Action::Score { output } => backend.score(output)?,
            Action::Release { slot } => {
                backend.release(slot)?;
                meter.vacate(slot);
            }
        }
        meter.sample();
    }
    Ok(())
}
