use wgpu::BufferBinding;

use super::context::Buffer;
use super::dispatch::Dispatch;
use super::footprint::SizesTable;
use super::kernel::{Kernel, Variant};
use super::setup::Setup;
use crate::Result;
use crate::device::{Accumulation, Task};
use crate::model::{Layer, Optimizer};
use crate::plan::{Action, SlotId};

/// What the executor may ask for, with its operands.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Work {
    Forward { layer: usize, input: SlotId, output: SlotId },
    Loss { output: SlotId, delta: SlotId },
    Backward { layer: usize, state: SlotId, delta: SlotId, below: Option<SlotId>, accumulation: Accumulation },
    Score { output: SlotId },
}

impl Work {
    /// What `action` asks for in a micro-batch that begins with `accumulation`.
    pub fn of(action: &Action, accumulation: Accumulation) -> Option<Self> {
        match *action {
            Action::Forward { layer, input, output, .. } | Action::Recompute { layer, input, output } => {
                Some(Work::Forward { layer, input, output })
            }
            Action::Loss { output, delta } => Some(Work::Loss { output, delta }),
            Action::Backward { layer, state, delta, below } => {
                Some(Work::Backward { layer, state, delta, below, accumulation })
            }
            Action::Score { output } => Some(Work::Score { output }),
            Action::Release { .. } => None,
        }
    }
}

/// Binds kernels to the buffers that a plan's actions name.
pub(super) struct Binder<'a> {
    pub setup: &'a mut Setup,
    pub task: &'a Task<'a>,
    pub slots: Vec<BufferBinding<'a>>,
    pub parameters: &'a [[Buffer; 2]],
    /// None where a batch has one part.
    pub gradients: &'a [[Buffer; 2]],
    pub labels: &'a Buffer,
    pub metrics: &'a Buffer,
    pub sample_losses: &'a Buffer,
}

impl<'a> Binder<'a> {
    pub fn bind(&mut self, work: Work) -> Result<Vec<Dispatch>> {
        match work {
            Work::Forward { layer, input, output } => Ok(vec![self.forward(layer, input, output)?]),
            Work::Loss { output, delta } => self.loss(output, delta),
            Work::Backward { layer, state, delta, below, accumulation } => {
                // The delta below is made from the weights before the update overwrites them.
                let below = below.map(|below| self.delta(layer, state, delta, below)).transpose()?;
                let update = self.update(layer, state, delta, accumulation)?;
                Ok(below.into_iter().chain([update]).collect())
            }
            Work::Score { output } => Ok(vec![self.score(output)?]),
        }
    }

    fn forward(&mut self, layer: usize, input: SlotId, output: SlotId) -> Result<Dispatch> {
        let [weights, bias] = &self.parameters[layer];
        let shape = self.layer(layer);
        let variant = Variant {
            by_four: [shape.inputs, shape.inputs].map(is_by_four),
            activation: shape.activation,
            ..Variant::of(Kernel::Forward)
        };
        let operands = [self.slot(input), weights.whole(), bias.whole(), self.slot(output)];
        self.setup.dispatch(variant, self.product(layer), &operands, [self.task.micro_batch, shape.outputs])
    }

    fn delta(&mut self, layer: usize, state: SlotId, delta: SlotId, below: SlotId) -> Result<Dispatch> {
        let [weights, _] = &self.parameters[layer];
        let shape = self.layer(layer);
        let variant = Variant {
            by_four: [shape.outputs, shape.inputs].map(is_by_four),
            activation: self.layer(layer - 1).activation,
            ..Variant::of(Kernel::Delta)
        };
        let operands = [self.slot(delta), weights.whole(), self.slot(state), self.slot(below)];
        self.setup.dispatch(variant, self.product(layer), &operands, [self.task.micro_batch, shape.inputs])
    }

    fn update(
        &mut self,
        layer: usize,
        state: SlotId,
        delta: SlotId,
        accumulation: Accumulation,
    ) -> Result<Dispatch> {
        let [weights, bias] = &self.parameters[layer];
        let shape = self.layer(layer);
        let mut operands = vec![self.slot(delta), self.slot(state), weights.whole(), bias.whole()];
        let kernel = match (self.task.optimizer, accumulation) {
            (Optimizer::Sgd, Accumulation::Whole) => Kernel::Update,
            (Optimizer::Sgd, _) => {
                operands.extend(self.gradients[layer].iter().map(Buffer::whole));
                Kernel::Accumulate
            }
        };
        let by_four = [shape.outputs, shape.inputs].map(is_by_four);
        let variant = Variant { by_four, accumulation, ..Variant::of(kernel) };
        self.setup.dispatch(variant, self.product(layer), &operands, [shape.outputs, shape.inputs])
    }

    fn loss(&mut self, output: SlotId, delta: SlotId) -> Result<Vec<Dispatch>> {
        let network = self.task.network;
        let variant = Variant {
            activation: self.layer(self.parameters.len() - 1).activation,
            loss: network.loss(),
            ..Variant::of(Kernel::Loss)
        };
        let sizes = SizesTable::loss(self.task);
        let operands = [self.slot(output), self.labels.whole(), self.slot(delta), self.sample_losses.whole()];
        let loss = self.setup.dispatch(variant, sizes, &operands, [1, self.task.micro_batch])?;
        let operands = [self.sample_losses, self.metrics].map(Buffer::whole);
        let tally = self.setup.dispatch(Variant::of(Kernel::Tally), sizes, &operands, [1, 1])?;
        Ok(vec![loss, tally])
    }

    fn score(&mut self, output: SlotId) -> Result<Dispatch> {
        let sizes = SizesTable::score(self.task.micro_batch, self.task.network, self.task.data.test);
        let operands = [self.slot(output), self.labels.whole(), self.metrics.whole()];
        self.setup.dispatch(Variant::of(Kernel::Score), sizes, &operands, [1, 1])
    }

    fn slot(&self, slot: SlotId) -> BufferBinding<'a> {
        self.slots[slot].clone()
    }

    fn layer(&self, layer: usize) -> Layer {
        self.task.network.layer(layer)
    }

    fn product(&self, layer: usize) -> [u32; 4] {
        SizesTable::product(self.task.micro_batch, self.layer(layer), self.task.rate)
    }
}

fn is_by_four(width: usize) -> bool {
    width.is_multiple_of(4)
}
