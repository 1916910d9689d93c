//! Thin layers: the dispatches of an action that runs one or several of them.

use std::collections::HashMap;
use std::ops::Range;

use wgpu::BufferBinding;

use super::binder::Binder;
use crate::execute::Work;
use crate::gpu::device::Buffer;
use crate::gpu::kernels::{
    self, ChainShape, GradientUse, LayerFunctions, PARTS_GROUP, RuleConstants, ThinNorm,
};
use crate::gpu::memory::{Chains, MOST_GROUPS, Slots, Window};
use crate::gpu::pipelines::{Dispatch, Kernel};
use crate::model::Normalisation;
use crate::plan::{Layers, SlotId, Value};
use crate::{Error, Result};

/// An action on thin layers.
pub struct Chain<'a> {
    chains: &'a Chains,
    layers: Layers,
    /// Row of its first layer in the table.
    row: usize,
    /// The slot of each of its operands.
    slots: HashMap<Value, SlotId>,
}

impl<'a> Chain<'a> {
    /// The action `work` on `layers`, the first of which has this `row`.
    pub fn new(chains: &'a Chains, layers: Layers, work: Work, row: usize) -> Self {
        let operands = work.reads.iter().chain(work.writes);
        let slots = operands.map(|operand| (operand.value, operand.slot)).collect();
        Chain { chains, layers, row, slots }
    }

    fn slot(&self, value: Value) -> Result<SlotId> {
        let missing = || Error::internal(format!("{} have no operand {value}", self.layers));
        self.slots.get(&value).copied().ok_or_else(missing)
    }

    /// One binding of the slots of `values`.
    fn window<'s>(
        &self,
        slots: Slots<'s>,
        values: impl Iterator<Item = Value> + Clone,
    ) -> Option<Window<'s>> {
        slots.window(values.filter_map(|value| self.slots.get(&value).copied()))
    }

    /// The backward pass of an action that goes forward, too: its rows follow.
    fn backward(&self) -> Self {
        Chain { row: self.row + self.layers.count(), slots: self.slots.clone(), ..*self }
    }

    /// Rows of `layers` in the table.
    fn rows(&self, layers: &Range<usize>) -> [u32; 2] {
        [layers.start, layers.end].map(|layer| (self.row + layer - self.layers.first) as u32)
    }
}

impl<'a> Binder<'a> {
    pub fn chain_forward(&mut self, chain: &Chain) -> Result<Vec<Dispatch>> {
        let stored = |layer: usize| chain.slots.get(&Value::State(layer + 1)).copied();
        let ends = |end: usize| stored(end - 1).is_some();
        let slots = self.slots;
        let window = |layers: &Range<usize>| slots.window(layers.clone().filter_map(stored));
        let mut dispatches = Vec::new();
        for layers in pieces(chain.layers.range(), ends, |layers| window(layers).is_some()) {
            let answers = bound(window(&layers))?;
            let operand = slots.slot(chain.slot(Value::State(layers.start))?)?;
            let operands = [operand, answers.binding];
            let from = [0, answers.from];
            dispatches.push(self.chain_dispatch(kernels::chain_forward, chain, &layers, from, &operands)?);
        }
        Ok(dispatches)
    }

    pub fn chain_forward_backward(&mut self, chain: &Chain) -> Result<Vec<Dispatch>> {
        let backward = chain.backward();
        let layers = chain.layers.range();
        // The state before layer 0 is the batch, and no delta below depends on it.
        let states = (layers.start.max(1)..=layers.end).map(Value::State);
        let deltas = (layers.start.saturating_sub(1)..layers.end).map(Value::Delta);
        let slots = self.slots;
        let answers = chain.window(slots, states.chain(deltas));
        let keeps_norms = chain.chains.fusion.keeps_norms_of(layers.end - layers.start.max(1));
        let Some(answers) = answers.filter(|_| keeps_norms) else {
            let [output, delta] = [Value::State(layers.end), Value::Delta(layers.end - 1)];
            let mut dispatches = self.chain_forward(chain)?;
            dispatches.push(self.loss(chain.slot(output)?, chain.slot(delta)?)?);
            dispatches.extend(self.chain_backward(&backward)?);
            return Ok(dispatches);
        };
        let Chains { fusion, table, .. } = chain.chains;
        let kernel =
            kernels::chain_forward_backward(fusion.functions, fusion.norm, fusion.shape, self.outputs());
        let [first, end] = chain.rows(&layers);
        let [backward_first, backward_end] = backward.rows(&(layers.start.max(1)..layers.end));
        let batch = self.task.micro_batch as u32;
        let arguments = [batch, first, end, 0, answers.from, backward_first, backward_end];
        let operand = slots.slot(chain.slot(Value::State(layers.start))?)?;
        let [targets, losses, metrics] = [self.targets, self.sample_losses, self.metrics].map(Buffer::whole);
        let [table, parameters] = [table, self.parameters.together()?].map(Buffer::whole);
        let operands = [table, parameters, operand, answers.binding, targets, losses, metrics];
        let operands: Vec<_> = operands.into_iter().chain(chain.chains.norms()).collect();
        let mut dispatches =
            vec![self.setup.dispatch_groups(&kernel, arguments, &operands, [fusion.groups(), 1])?];
        dispatches.extend(self.chain_gradients(&backward, layers)?);
        Ok(dispatches)
    }

    /// Dispatches of the deltas of as many layers as possible at a time, from the last on, and then of their gradients.
    pub fn chain_backward(&mut self, chain: &Chain) -> Result<Vec<Dispatch>> {
        // Deltas are computed from the weights before an update overwrites them. Layer 0 has no delta below it.
        let deltas = chain.layers.first.max(1)..chain.layers.end;
        if deltas.is_empty() {
            return self.chain_gradients(chain, chain.layers.range());
        }
        let slots = self.slots;
        let states = |layers: &Range<usize>| chain.window(slots, layers.clone().map(Value::State));
        let below =
            |layers: &Range<usize>| chain.window(slots, layers.clone().map(|layer| Value::Delta(layer - 1)));
        let fits = |layers: &Range<usize>| {
            let keeps_norms = chain.chains.fusion.keeps_norms_of(layers.len());
            keeps_norms && states(layers).is_some() && below(layers).is_some()
        };
        let mut dispatches = Vec::new();
        for layers in pieces(deltas.clone(), |_| true, fits).into_iter().rev() {
            let [states, below] = [bound(states(&layers))?, bound(below(&layers))?];
            let operand = slots.slot(chain.slot(Value::Delta(layers.end - 1))?)?;
            let operands = [operand, below.binding, states.binding];
            let operands: Vec<_> = operands.into_iter().chain(chain.chains.norms()).collect();
            let from = [states.from, below.from];
            dispatches.push(self.chain_dispatch(kernels::chain_delta, chain, &layers, from, &operands)?);
            let first = if layers.start == deltas.start { chain.layers.first } else { layers.start };
            dispatches.extend(self.chain_gradients(chain, first..layers.end)?);
        }
        Ok(dispatches)
    }

    /// Dispatches of the gradients of `layers`, whose deltas have just been computed, and of their use.
    fn chain_gradients(&mut self, chain: &Chain, layers: Range<usize>) -> Result<Vec<Dispatch>> {
        let slots = self.slots;
        let states = |layers: &Range<usize>| chain.window(slots, layers.clone().map(Value::State));
        let mut dispatches = Vec::new();
        let deltas = |layers: &Range<usize>| chain.window(slots, layers.clone().map(Value::Delta));
        let tiles = self.tiles_of(layers.clone());
        let fits = |layers: &Range<usize>| {
            let has_room = chain.chains.fusion.has_room_for(layers.clone().into());
            let has_groups = tiles * layers.len() <= MOST_GROUPS;
            has_room && has_groups && states(layers).is_some() && deltas(layers).is_some()
        };
        for layers in pieces(layers, |_| true, fits) {
            let [states, deltas] = [bound(states(&layers))?, bound(deltas(&layers))?];
            dispatches.push(self.thin_gradients(chain, &layers, [deltas, states])?);
            dispatches.extend(self.thin_norm_gradients(chain, &layers)?);
            dispatches.extend(self.add_parts(chain, &layers)?);
        }
        Ok(dispatches)
    }

    /// Dispatch of a kernel that takes samples through `layers`. It reads and writes the pool from these offsets on.
    fn chain_dispatch(
        &mut self,
        kernel: fn(LayerFunctions, Option<ThinNorm>, ChainShape) -> Kernel,
        chain: &Chain,
        layers: &Range<usize>,
        [read_from, write_from]: [u32; 2],
        operands: &[BufferBinding],
    ) -> Result<Dispatch> {
        let Chains { fusion, table, .. } = chain.chains;
        let kernel = kernel(fusion.functions, fusion.norm, fusion.shape);
        let [first, end] = chain.rows(layers);
        let arguments = [self.task.micro_batch as u32, first, end, read_from, write_from, 0, 0];
        let parameters = self.parameters.together()?;
        let operands = [&[table, parameters].map(Buffer::whole)[..], operands].concat();
        self.setup.dispatch_groups(&kernel, arguments, &operands, [fusion.groups(), 1])
    }

    /// Dispatch of the gradients of the weights and biases of `layers`, and of their use if the micro-batch is one part.
    fn thin_gradients(
        &mut self,
        chain: &Chain,
        layers: &Range<usize>,
        [deltas, states]: [Window; 2],
    ) -> Result<Dispatch> {
        let Chains { fusion, table, .. } = chain.chains;
        let (used, gradients) = self.gradient_use(chain)?;
        let mut operands = vec![table.whole(), deltas.binding, states.binding];
        operands.extend(gradients);
        if let Some(norms) = chain.chains.norms() {
            // Gain and shift transform the states. An update binds them already.
            if matches!(used, GradientUse::Partial) {
                operands.push(self.parameters.together()?.whole());
            }
            operands.push(norms);
        }
        let shapes = || layers.clone().map(|layer| self.task.network.layer(layer));
        let by_four = [
            shapes().all(|shape| shape.outputs.is_multiple_of(4)),
            shapes().all(|shape| shape.inputs.is_multiple_of(4)),
        ];
        let tile = self.setup.context.thin_tile();
        let tiles = self.tiles_of(layers.clone());
        let micro_batch = self.task.micro_batch;
        let kernel = kernels::thin_gradient(fusion.functions, fusion.norm, used, tile, micro_batch, by_four);
        let arguments = self.sum_arguments(chain, layers, tiles, [states.from, deltas.from]);
        let groups = [tiles * layers.len(), fusion.parts()];
        self.setup.dispatch_groups(&kernel, arguments, &operands, groups)
    }

    /// The same of gains and shifts; `None` without any.
    fn thin_norm_gradients(&mut self, chain: &Chain, layers: &Range<usize>) -> Result<Option<Dispatch>> {
        let Chains { fusion, table, .. } = chain.chains;
        let has_gain = |layer: usize| {
            let normalisation = self.task.network.layer(layer).normalisation();
            normalisation.is_some_and(Normalisation::has_gain)
        };
        let norm = fusion.norm.filter(|_| layers.clone().any(has_gain));
        let Some((norm, kept)) = norm.zip(chain.chains.norms()) else { return Ok(None) };
        let (used, gradients) = self.gradient_use(chain)?;
        let operands: Vec<_> = [table.whole()].into_iter().chain(gradients).chain([kept]).collect();
        let kernel = kernels::thin_norm_gradient(norm, used);
        let arguments = self.sum_arguments(chain, layers, 1, [0, 0]);
        let groups = [layers.len(), fusion.parts()];
        self.setup.dispatch_groups(&kernel, arguments, &operands, groups).map(Some)
    }

    /// What becomes of the gradients of a part, and what that binds.
    fn gradient_use<'b>(&self, chain: &'b Chain) -> Result<(GradientUse, Vec<BufferBinding<'b>>)>
    where
        'a: 'b,
    {
        let rule = RuleConstants::of(self.task);
        Ok(match &chain.chains.partials {
            Some(partials) => (GradientUse::Partial, vec![partials.whole()]),
            None => (GradientUse::Update(rule), self.updated(rule)?),
        })
    }

    /// Arguments of kernels that sum the gradients of `layers`, each in so many tiles, from values bound from these offsets on.
    fn sum_arguments(
        &self,
        chain: &Chain,
        layers: &Range<usize>,
        tiles: usize,
        [states, deltas]: [u32; 2],
    ) -> [u32; 7] {
        let extent = chain.chains.fusion.extent(layers.clone().into());
        let [first, _] = chain.rows(layers);
        let [batch, tiles, start, count] =
            [self.task.micro_batch, tiles, extent.start, extent.len()].map(|number| number as u32);
        [batch, first, tiles, states, deltas, start, count]
    }

    /// Tiles of the gradients of that of `layers` that has most.
    fn tiles_of(&self, layers: Range<usize>) -> usize {
        let [columns, rows] = self.setup.context.thin_tile().extent().map(|side| side as usize);
        let shapes = layers.map(|layer| self.task.network.layer(layer));
        shapes.map(|shape| shape.outputs.div_ceil(rows) * shape.inputs.div_ceil(columns)).max().unwrap_or(1)
    }

    /// Dispatch that adds the parts of the gradients of `layers`, and uses them; `None` for a micro-batch of one part.
    fn add_parts(&mut self, chain: &Chain, layers: &Range<usize>) -> Result<Option<Dispatch>> {
        let Chains { fusion, table, partials, .. } = chain.chains;
        let Some(partials) = partials else { return Ok(None) };
        let rule = RuleConstants::of(self.task);
        let mut operands = [table, partials].map(Buffer::whole).to_vec();
        operands.extend(self.updated(rule)?);
        let extent = fusion.extent(layers.clone().into());
        let [first, end] = chain.rows(layers);
        let [start, count, parts] = [extent.start, extent.len(), fusion.parts()].map(|number| number as u32);
        let arguments = [start, count, parts, first, end, 0, 0];
        let groups = [extent.len().div_ceil(PARTS_GROUP), 1];
        self.setup.dispatch_groups(&kernels::partials(rule), arguments, &operands, groups).map(Some)
    }

    /// What an update of thin layers binds.
    fn updated(&self, rule: RuleConstants) -> Result<Vec<BufferBinding<'a>>> {
        let mut bindings = [self.metrics, self.parameters.together()?].map(Buffer::whole).to_vec();
        if !rule.is_plain() {
            bindings.push(self.kept()?.together()?.whole());
        }
        Ok(bindings)
    }
}

/// `window`, of values that are no larger than a binding.
fn bound(window: Option<Window>) -> Result<Window> {
    window.ok_or_else(|| Error::internal("a value of the pool cannot be bound"))
}

/// Splits `layers` into as few pieces as possible that all satisfy `fits`, or that no split makes smaller. A piece ends where
/// `ends` says that it can; the last layer always can.
fn pieces(
    layers: Range<usize>,
    ends: impl Fn(usize) -> bool,
    fits: impl Fn(&Range<usize>) -> bool,
) -> Vec<Range<usize>> {
    let mut pieces: Vec<Range<usize>> = Vec::new();
    let mut first = layers.start;
    for end in (layers.start + 1..=layers.end).filter(|&end| end == layers.end || ends(end)) {
        match pieces.last_mut().filter(|piece| piece.start == first && fits(&(first..end))) {
            Some(piece) => piece.end = end,
            None => {
                first = pieces.last().map_or(layers.start, |piece| piece.end);
                pieces.push(first..end);
            }
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_cover_all_layers_and_fit_where_they_can() {
        let all = |most: usize| pieces(2..9, |_| true, |layers: &Range<usize>| layers.len() <= most);
        assert_eq!(all(9), vec![2..9; 1]);
        assert_eq!(all(3), [2..5, 5..8, 8..9]);
        assert_eq!(all(0), (2..9).map(|layer| layer..layer + 1).collect::<Vec<_>>());
        // Only even ends, and the last.
        let even = pieces(2..9, |end| end % 2 == 0, |layers| layers.len() <= 3);
        assert_eq!(even, [2..4, 4..6, 6..9]);
        assert!(pieces(1..1, |_| true, |_| true).is_empty());
    }
}
