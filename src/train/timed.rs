use crate::Result;
use crate::device::Device;
use crate::execute::Backend;
use crate::plan::{Layers, SlotId};

/// Runs actions on a device, each of which is a lap.
pub(super) struct Timed<'a>(pub &'a mut dyn Device);

impl Backend for Timed<'_> {
    fn forward(&mut self, layers: Layers, input: SlotId, output: SlotId) -> Result<()> {
        self.0.forward(layers, input, output)?;
        self.0.lap()
    }

    fn loss(&mut self, output: SlotId, delta: SlotId) -> Result<()> {
        self.0.loss(output, delta)?;
        self.0.lap()
    }

    fn backward(
        &mut self,
        layers: Layers,
        state: SlotId,
        delta: SlotId,
        below: Option<SlotId>,
    ) -> Result<()> {
        self.0.backward(layers, state, delta, below)?;
        self.0.lap()
    }

    fn score(&mut self, output: SlotId) -> Result<()> {
        self.0.score(output)?;
        self.0.lap()
    }

    fn release(&mut self, slot: SlotId) -> Result<()> {
        self.0.release(slot)
    }
}
