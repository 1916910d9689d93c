use wgpu::BufferBinding;

use super::context::Buffer;
use super::dispatch::Dispatch;
use super::fusion::{ChainFunctions, Fusion};
use super::kernel::{Kernel, Variant};
use super::rule::RuleConstants;
use super::setup::Setup;
use super::work::Binder;
use crate::Result;
use crate::device::{Accumulation, Task};
use crate::memory::Category;
use crate::plan::{Layers, SlotId};

/// Buffers of fused layers besides the plan's slots.
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

/// A chain: fused layers that run in one dispatch.
#[derive(Clone, Copy)]
pub(super) struct Chain<'a> {
    fusion: &'a Fusion,
    chains: &'a Chains,
}

impl<'a> Binder<'a> {
    pub(super) fn chain(&self, layers: Layers) -> Option<Chain<'a>> {
        let (fusion, chains) = (self.fusion?, self.chains?);
        fusion.place(layers.first).map(|_| Chain { fusion, chains })
    }

    pub(super) fn chain_forward(
        &mut self,
        chain: Chain,
        layers: Layers,
        input: SlotId,
        output: SlotId,
    ) -> Result<Dispatch> {
        // The forward pass reads no delta, but the binding needs a buffer.
        let unused = self.sample_losses.whole();
        self.chain_dispatch(chain, layers, [self.slot(input), unused, self.slot(output)], false)
    }

    pub(super) fn chain_backward(
        &mut self,
        chain: Chain,
        layers: Layers,
        state: SlotId,
        delta: SlotId,
        below: Option<SlotId>,
    ) -> Result<Dispatch> {
        // The first layer writes no delta, but the binding needs a buffer.
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
        let ChainFunctions { load, store, residual, derivative } = fusion.functions;
        let context = &self.setup.context;
        let tiles = Some(fusion.tiles(context.column_lanes, context.workgroups.invocations));
        let variant = Variant { load, store, residual, derivative, tiles, ..Variant::of(Kernel::Chain) };
        let [first, end] = [layers.first, layers.end].map(|layer| layer as u32);
        let immediates = [self.task.micro_batch as u32, first, end, u32::from(is_backward)];
        let (table, parameters) = (chains.table.whole(), self.parameters.together()?.whole());
        let operands = [table, parameters, state, delta, answer, chains.partials.whole()];
        self.setup.immediate_dispatch(variant, immediates, &operands, fusion.groups)
    }

    pub(super) fn chain_update(
        &mut self,
        Chain { fusion, chains }: Chain,
        layers: Layers,
        accumulation: Accumulation,
    ) -> Result<Dispatch> {
        let rule = RuleConstants::of(self.task);
        let kernel = if rule.is_plain() { Kernel::ChainUpdate } else { Kernel::ChainOptimize };
        let shared =
            [&chains.partials, &chains.table, self.metrics, self.step_params, self.parameters.together()?];
        let mut operands = shared.map(Buffer::whole).to_vec();
        if kernel == Kernel::ChainOptimize {
            operands.push(self.kept()?.together()?.whole());
        }
        let extent = fusion.extent(layers);
        let [start, count, parts] = [extent.start, extent.len(), fusion.groups].map(|number| number as u32);
        let variant = Variant { accumulation, rule: Some(rule), ..Variant::of(kernel) };
        self.setup.immediate_dispatch(variant, [start, count, parts, 0], &operands, extent.len())
    }
}
