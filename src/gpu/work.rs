use std::ops::Range;

use wgpu::BufferBinding;

use super::context::Buffer;
use super::dispatch::Dispatch;
use super::footprint::SizesTable;
use super::fusion::Fusion;
use super::kernel::{Kernel, Variant};
use super::setup::Setup;
use super::tensors::Tensors;
use crate::device::{Accumulation, Task};
use crate::memory::Category;
use crate::model::{Layer, Optimizer};
use crate::plan::{Action, Layers, SlotId};
use crate::{Error, Result};

/// What the executor may ask for, with its operands.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Work {
    Forward {
        layers: Layers,
        input: SlotId,
        output: SlotId,
    },
    Loss {
        output: SlotId,
        delta: SlotId,
    },
    Backward {
        layers: Layers,
        state: SlotId,
        delta: SlotId,
        below: Option<SlotId>,
        accumulation: Accumulation,
    },
    Score {
        output: SlotId,
    },
}

impl Work {
    /// What `action` asks for in a micro-batch that begins with `accumulation`.
    pub fn of(action: &Action, accumulation: Accumulation) -> Option<Self> {
        match *action {
            Action::Forward { layers, input, output, .. } | Action::Recompute { layers, input, output } => {
                Some(Work::Forward { layers, input, output })
            }
            Action::Loss { output, delta } => Some(Work::Loss { output, delta }),
            Action::Backward { layers, state, delta, below } => {
                Some(Work::Backward { layers, state, delta, below, accumulation })
            }
            Action::Score { output } => Some(Work::Score { output }),
            Action::Release { .. } => None,
        }
    }

    /// FLOPs of its products.
    pub fn flops(self, task: &Task) -> u64 {
        let forward = |layers: Range<usize>| {
            layers.map(|layer| task.network.layer(layer).forward_flops(task.micro_batch)).sum::<u64>()
        };
        match self {
            Work::Forward { layers, .. } => forward(layers.range()),
            Work::Backward { layers, .. } => forward(layers.below_last()) + 2 * forward(layers.range()),
            Work::Loss { .. } | Work::Score { .. } => 0,
        }
    }
}

/// What layers that run together need beside the plan's slots.
pub(super) struct Chains {
    table: Buffer,
    partials: Buffer,
}

impl Chains {
    pub fn new(setup: &mut Setup, task: &Task, fusion: &Fusion) -> Result<Self> {
        let table = fusion.table(task.network);
        let contents = bytemuck::cast_slice(&table);
        Ok(Chains {
            table: setup.filled(Category::Workspace, "layers", fusion.table_bytes(), contents)?,
            partials: setup.buffer(Category::Gradients, "gradients of workgroups", fusion.partial_bytes())?,
        })
    }
}

/// How some layers run together.
#[derive(Clone, Copy)]
struct Chain<'a> {
    fusion: &'a Fusion,
    chains: &'a Chains,
}

/// Binds kernels to the buffers that a plan's actions name.
pub(super) struct Binder<'a> {
    pub setup: &'a mut Setup,
    pub task: &'a Task<'a>,
    pub slots: Vec<BufferBinding<'a>>,
    pub parameters: &'a Tensors,
    /// None where a batch has one part.
    pub gradients: Option<&'a Tensors>,
    /// Layers that run together, and what only these need.
    pub fusion: Option<&'a Fusion>,
    pub chains: Option<&'a Chains>,
    pub labels: &'a Buffer,
    pub metrics: &'a Buffer,
    pub sample_losses: &'a Buffer,
}

impl<'a> Binder<'a> {
    pub fn bind(&mut self, work: Work) -> Result<Vec<Dispatch>> {
        match work {
            Work::Forward { layers, input, output } => match self.chain(layers) {
                Some(chain) => Ok(vec![self.chain_forward(chain, layers, input, output)?]),
                None => Ok(vec![self.forward(layers.alone()?, input, output)?]),
            },
            Work::Loss { output, delta } => self.loss(output, delta),
            Work::Backward { layers, state, delta, below, accumulation } => {
                if let Some(chain) = self.chain(layers) {
                    let backward = self.chain_backward(chain, layers, state, delta, below)?;
                    return Ok(vec![backward, self.chain_update(chain, layers, accumulation)?]);
                }
                let layer = layers.alone()?;
                // The delta below is made from the weights before the update overwrites them.
                let below = below.map(|below| self.delta(layer, state, delta, below)).transpose()?;
                let update = self.update(layer, state, delta, accumulation)?;
                Ok(below.into_iter().chain([update]).collect())
            }
            Work::Score { output } => Ok(vec![self.score(output)?]),
        }
    }

    fn forward(&mut self, layer: usize, input: SlotId, output: SlotId) -> Result<Dispatch> {
        let [weights, bias] = self.parameters.alone(layer)?;
        let shape = self.layer(layer);
        let variant = Variant {
            by_four: [shape.inputs, shape.inputs].map(is_by_four),
            activation: shape.activation,
            ..Variant::of(Kernel::Forward)
        };
        let operands = [self.slot(input), weights.whole(), bias.whole(), self.slot(output)];
        self.product(variant, layer, &operands, [self.task.micro_batch, shape.outputs], shape.inputs)
    }

    fn delta(&mut self, layer: usize, state: SlotId, delta: SlotId, below: SlotId) -> Result<Dispatch> {
        let [weights, _] = self.parameters.alone(layer)?;
        let shape = self.layer(layer);
        let variant = Variant {
            by_four: [shape.outputs, shape.inputs].map(is_by_four),
            activation: self.layer(layer - 1).activation,
            ..Variant::of(Kernel::Delta)
        };
        let operands = [self.slot(delta), weights.whole(), self.slot(state), self.slot(below)];
        self.product(variant, layer, &operands, [self.task.micro_batch, shape.inputs], shape.outputs)
    }

    fn update(
        &mut self,
        layer: usize,
        state: SlotId,
        delta: SlotId,
        accumulation: Accumulation,
    ) -> Result<Dispatch> {
        let [weights, bias] = self.parameters.alone(layer)?;
        let shape = self.layer(layer);
        let mut operands = vec![self.slot(delta), self.slot(state), weights.whole(), bias.whole()];
        let kernel = match (self.task.optimizer, accumulation) {
            (Optimizer::Sgd, Accumulation::Whole) => Kernel::Update,
            (Optimizer::Sgd, _) => {
                operands.extend(self.gradients()?.alone(layer)?.iter().map(Buffer::whole));
                Kernel::Accumulate
            }
        };
        let by_four = [shape.outputs, shape.inputs].map(is_by_four);
        let variant = Variant { by_four, accumulation, ..Variant::of(kernel) };
        self.product(variant, layer, &operands, [shape.outputs, shape.inputs], self.task.micro_batch)
    }

    fn loss(&mut self, output: SlotId, delta: SlotId) -> Result<Vec<Dispatch>> {
        let network = self.task.network;
        let variant = Variant {
            activation: self.layer(network.layers().len() - 1).activation,
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

    fn chain(&self, layers: Layers) -> Option<Chain<'a>> {
        let (fusion, chains) = (self.fusion?, self.chains?);
        fusion.place(layers.first).map(|_| Chain { fusion, chains })
    }

    fn chain_forward(
        &mut self,
        chain: Chain,
        layers: Layers,
        input: SlotId,
        output: SlotId,
    ) -> Result<Dispatch> {
        // Forward reads no delta; something must be bound.
        let unused = self.sample_losses.whole();
        self.chain_dispatch(chain, layers, [self.slot(input), unused, self.slot(output)], false)
    }

    fn chain_backward(
        &mut self,
        chain: Chain,
        layers: Layers,
        state: SlotId,
        delta: SlotId,
        below: Option<SlotId>,
    ) -> Result<Dispatch> {
        // Nor does the lowest layer write one.
        let below = below.map_or(self.sample_losses.whole(), |below| self.slot(below));
        self.chain_dispatch(chain, layers, [self.slot(state), self.slot(delta), below], true)
    }

    fn chain_dispatch(
        &mut self,
        Chain { fusion, chains }: Chain,
        layers: Layers,
        [state, delta, answer]: [BufferBinding; 3],
        is_backward: bool,
    ) -> Result<Dispatch> {
        let variant = Variant {
            activation: self.layer(layers.first).activation,
            tiles: Some(fusion.tiles(self.setup.context.column_lanes)),
            ..Variant::of(Kernel::Chain)
        };
        let [first, end] = [layers.first, layers.end].map(|layer| layer as u32);
        let immediates = [self.task.micro_batch as u32, first, end, u32::from(is_backward)];
        let (table, parameters) = (chains.table.whole(), self.parameters.together()?.whole());
        let operands = [table, parameters, state, delta, answer, chains.partials.whole()];
        self.setup.immediate_dispatch(variant, immediates, &operands, fusion.groups)
    }

    fn chain_update(
        &mut self,
        Chain { fusion, chains }: Chain,
        layers: Layers,
        accumulation: Accumulation,
    ) -> Result<Dispatch> {
        let mut operands = vec![chains.partials.whole(), self.parameters.together()?.whole()];
        let kernel = match (self.task.optimizer, accumulation) {
            (Optimizer::Sgd, Accumulation::Whole) => Kernel::ChainUpdate,
            (Optimizer::Sgd, _) => {
                operands.push(self.gradients()?.together()?.whole());
                Kernel::ChainAccumulate
            }
        };
        let extent = fusion.extent(layers);
        let [start, count, parts] = [extent.start, extent.len(), fusion.groups].map(|number| number as u32);
        let immediates = [start, count, parts, self.task.rate.to_bits()];
        let variant = Variant { accumulation, ..Variant::of(kernel) };
        self.setup.immediate_dispatch(variant, immediates, &operands, extent.len())
    }

    fn gradients(&self) -> Result<&'a Tensors> {
        self.gradients.ok_or_else(|| Error::InvalidPlan {
            index: 0,
            problem: "a part of a batch, on a device for whole batches".to_owned(),
        })
    }

    fn slot(&self, slot: SlotId) -> BufferBinding<'a> {
        self.slots[slot].clone()
    }

    fn layer(&self, layer: usize) -> Layer {
        self.task.network.layer(layer)
    }

    /// A product of `layer`, for an answer of so many rows and columns, each the sum of `depth` numbers.
    fn product(
        &mut self,
        variant: Variant,
        layer: usize,
        operands: &[BufferBinding],
        answer: [usize; 2],
        depth: usize,
    ) -> Result<Dispatch> {
        let sizes = SizesTable::product(self.task.micro_batch, self.layer(layer), self.task.rate);
        let variant = Variant { tile: self.setup.context.tile(variant.kernel, answer, depth), ..variant };
        self.setup.dispatch(variant, sizes, operands, answer)
    }
}

fn is_by_four(width: usize) -> bool {
    width.is_multiple_of(4)
}
