use wgpu::BufferBinding;

use super::chains::{Chain, Chains};
use super::context::Buffer;
use super::dispatch::Dispatch;
use super::footprint::{NORMS, SizesTable};
use super::immediates::Arguments;
use super::kernel::{Kernel, Variant};
use super::optimizer_state::OptimizerState;
use super::pool::Slots;
use super::rule::RuleConstants;
use super::setup::Setup;
use super::tensors::Tensors;
use crate::device::{Fault, Task};
use crate::execute::Work;
use crate::model::{Activation, Derivative, Layer, Operation};
use crate::plan::{Op, SlotId, Value};
use crate::{Error, Result};

/// Parameters per workgroup of the update from stored gradients: 4 for each of 64 invocations.
const STEP_PARAMETERS: usize = 4 * 64;
/// Samples that a workgroup normalises at a time.
const NORMALISED: usize = 4;
/// Upper bound on the workgroups of kernels that loop over parameters or samples.
const MOST_GROUPS: usize = 4096;

/// FLOPs of the products of `op`.
pub(super) fn flops(op: Op, task: &Task) -> u64 {
    let layers = op.layers().map_or(0..0, |layers| layers.range());
    let forward: u64 = layers.map(|layer| task.network.layer(layer).forward_flops(task.micro_batch)).sum();
    if op.is_backward() { 2 * forward } else { forward }
}

/// Binds kernels to the buffers that a plan's actions name.
pub(super) struct Binder<'a> {
    pub setup: &'a mut Setup,
    pub task: &'a Task<'a>,
    pub slots: Slots<'a>,
    pub parameters: &'a Tensors,
    /// `None` without stored gradients and optimizer state.
    pub kept: Option<&'a OptimizerState>,
    /// Thin layers, if there are any.
    pub chains: Option<&'a Chains>,
    pub targets: &'a Buffer,
    pub metrics: &'a Buffer,
    pub sample_losses: &'a Buffer,
    /// Normalised and activated input of a layer. `None` without layer normalisation.
    pub loaded: Option<&'a Buffer>,
}

impl<'a> Binder<'a> {
    /// The dispatches of `work`, in order. `row` is its first in the table of thin layers.
    pub fn bind(&mut self, work: Work, row: usize) -> Result<Vec<Dispatch>> {
        let (state, delta) = (|index| work.slot(Value::State(index)), |index| work.slot(Value::Delta(index)));
        let thin = |layer: &usize| self.chains.filter(|chains| chains.fusion.place(*layer).is_some());
        let chain = work
            .op
            .layers()
            .and_then(|layers| thin(&layers.first).map(|chains| Chain::new(chains, layers, work, row)));
        let last = self.task.network.layers().len() - 1;
        match (work.op, chain) {
            (Op::Forward(_) | Op::Recompute(_), Some(chain)) => self.chain_forward(&chain),
            (Op::Forward(layers) | Op::Recompute(layers), None) => {
                let layer = layers.alone()?;
                self.forward(layer, state(layer)?, state(layer + 1)?)
            }
            (Op::Loss, _) => Ok(vec![self.loss(state(last + 1)?, delta(last)?)?]),
            (Op::Backward(_), Some(chain)) => self.chain_backward(&chain),
            (Op::Backward(layers), None) => {
                let layer = layers.alone()?;
                let (state, above) = (state(layer)?, delta(layer)?);
                let (normalised, loaded) = self.loaded(layer, state)?;
                // The delta below is computed from the weights before the update overwrites them.
                let below = match layer.checked_sub(1) {
                    Some(lower) => self.delta(layer, state, above, delta(lower)?)?,
                    None => Vec::new(),
                };
                let update = self.update(layer, loaded, above)?;
                Ok(normalised.into_iter().chain(below).chain([update]).collect())
            }
            (Op::Score, _) => Ok(vec![self.score(state(last + 1)?)?]),
        }
    }

    /// Input of `layer`'s product: the state, or the normalised state and the dispatch that computes it.
    fn loaded(&mut self, layer: usize, state: SlotId) -> Result<(Option<Dispatch>, BufferBinding<'a>)> {
        let state = self.slot(state);
        let shape = self.layer(layer);
        let Some(loaded) = self.loaded.filter(|_| shape.has(Operation::LayerNorm)) else {
            return Ok((None, state));
        };
        let loaded = loaded.range(0, 4 * (self.task.micro_batch * shape.inputs) as u64);
        let normalised = self.each_sample(Kernel::LayerNorm, layer, &[state, loaded.clone()])?;
        Ok((Some(normalised), loaded))
    }

    /// Dispatch of a kernel that processes the input of `layer` sample by sample.
    fn each_sample(&mut self, kernel: Kernel, layer: usize, operands: &[BufferBinding]) -> Result<Dispatch> {
        let sizes = SizesTable::product(self.task.micro_batch, self.layer(layer));
        let groups = self.task.micro_batch.div_ceil(NORMALISED).min(MOST_GROUPS);
        self.setup.dispatch(self.variant(kernel, layer), sizes, operands, [groups, 1])
    }

    fn forward(&mut self, layer: usize, input: SlotId, output: SlotId) -> Result<Vec<Dispatch>> {
        let [weights, bias] = self.parameters.alone(layer)?;
        let shape = self.layer(layer);
        let variant = Variant {
            by_four: [shape.inputs, shape.inputs].map(is_by_four),
            ..self.variant(Kernel::Forward, layer)
        };
        let (normalised, loaded) = self.loaded(layer, input)?;
        let operands = [loaded, weights.whole(), bias.whole(), self.slot(output), self.slot(input)];
        let answer = [self.task.micro_batch, shape.outputs];
        let product = self.product(variant, layer, &operands, answer, shape.inputs)?;
        Ok(normalised.into_iter().chain([product]).collect())
    }

    fn delta(&mut self, layer: usize, state: SlotId, delta: SlotId, below: SlotId) -> Result<Vec<Dispatch>> {
        let [weights, _] = self.parameters.alone(layer)?;
        let shape = self.layer(layer);
        let variant = Variant {
            by_four: [shape.outputs, shape.inputs].map(is_by_four),
            ..self.variant(Kernel::Delta, layer)
        };
        let [state, delta, below] = [state, delta, below].map(|slot| self.slot(slot));
        let operands = [delta.clone(), weights.whole(), state.clone(), below.clone()];
        let answer = [self.task.micro_batch, shape.inputs];
        let mut dispatches = vec![self.product(variant, layer, &operands, answer, shape.outputs)?];
        if shape.has(Operation::LayerNorm) {
            dispatches.push(self.each_sample(Kernel::LayerNormDelta, layer, &[state, delta, below])?);
        }
        Ok(dispatches)
    }

    fn update(&mut self, layer: usize, loaded: BufferBinding<'a>, delta: SlotId) -> Result<Dispatch> {
        let [weights, bias] = self.parameters.alone(layer)?;
        let shape = self.layer(layer);
        let mut operands = vec![self.slot(delta), loaded, weights.whole(), bias.whole()];
        let rule = RuleConstants::of(self.task);
        let kernel = if rule.is_plain() { Kernel::Update } else { Kernel::Optimize };
        if kernel == Kernel::Optimize {
            operands.push(self.kept()?.alone(layer)?.whole());
        }
        operands.push(self.metrics.whole());
        let by_four = [shape.outputs, shape.inputs].map(is_by_four);
        let variant = Variant { by_four, rule: Some(rule), ..self.variant(kernel, layer) };
        let (answer, depth) = ([shape.outputs, shape.inputs], self.task.micro_batch);
        let variant = variant.cut(self.setup.context.tile(kernel, answer, depth), depth);
        let fault = Fault::place(layer, self.task.network.layers().len());
        let sizes = SizesTable::update(self.task.micro_batch, shape, fault);
        self.setup.dispatch(variant, sizes, &operands, answer)
    }

    fn loss(&mut self, output: SlotId, delta: SlotId) -> Result<Dispatch> {
        let network = self.task.network;
        let last = network.layers().len() - 1;
        let variant = Variant { store: self.layer(last).product_activation(), ..self.losses(Kernel::Loss) };
        let sizes = SizesTable::loss(self.task);
        let [targets, sample_losses, metrics] =
            [self.targets, self.sample_losses, self.metrics].map(Buffer::whole);
        let operands = [self.slot(output), targets, self.slot(delta), sample_losses, metrics];
        self.setup.dispatch(variant, sizes, &operands, [1, self.task.micro_batch])
    }

    /// Dispatch that sums the losses of a pass at its end.
    ///
    /// # Errors
    /// As [`Binder::bind`].
    pub fn tally(&mut self) -> Result<Dispatch> {
        let operands = [self.sample_losses, self.metrics].map(Buffer::whole);
        self.setup.dispatch(Variant::of(Kernel::Tally), SizesTable::loss(self.task), &operands, [1, 1])
    }

    fn score(&mut self, output: SlotId) -> Result<Dispatch> {
        let sizes = SizesTable::score(self.task.micro_batch, self.task.network, self.task.data.test);
        let operands = [self.slot(output), self.targets.whole(), self.metrics.whole()];
        self.setup.dispatch(self.losses(Kernel::Score), sizes, &operands, [1, 1])
    }

    /// Dispatches of gradient clipping and the parameter update from stored gradients.
    ///
    /// # Errors
    /// As [`Binder::bind`].
    pub fn clip(&mut self, norms: &Buffer) -> Result<Vec<Dispatch>> {
        let (network, rule) = (self.task.network, Some(RuleConstants::of(self.task)));
        let kept = self.kept()?;
        let mut dispatches = Vec::new();
        for (index, (buffer, plane)) in kept.buffers().enumerate() {
            let operands = [buffer, norms].map(Buffer::whole);
            let sizes = SizesTable::norm(plane, index * NORMS);
            dispatches.push(self.setup.dispatch(Variant::of(Kernel::Norm), sizes, &operands, [1, NORMS])?);
        }
        let variant = Variant { rule, ..Variant::of(Kernel::Scale) };
        dispatches.push(self.setup.context.bind(
            variant,
            &[norms, self.metrics].map(Buffer::whole),
            Arguments::default(),
            [1, 1],
        )?);
        let variant = Variant { rule, ..Variant::of(Kernel::Step) };
        for (index, layer) in network.layers().enumerate() {
            let fault = Fault::place(index, network.layers().len());
            let mut step = |sizes: [u32; 4], parameters: &Buffer, kept: &Buffer| {
                let operands = [parameters, kept, self.metrics].map(Buffer::whole);
                let groups = (sizes[0] as usize).div_ceil(STEP_PARAMETERS).min(MOST_GROUPS);
                self.setup.dispatch(variant, sizes, &operands, [1, groups])
            };
            match self.chains.and_then(|chains| chains.fusion.place(index)) {
                Some(place) => {
                    let sizes = SizesTable::step_together(place, fault);
                    dispatches.push(step(sizes, self.parameters.together()?, kept.together()?)?);
                }
                None => {
                    let tensors =
                        SizesTable::steps(layer, fault).into_iter().zip(self.parameters.alone(index)?);
                    for (sizes, parameters) in tensors {
                        dispatches.push(step(sizes, parameters, kept.alone(index)?)?);
                    }
                }
            }
        }
        Ok(dispatches)
    }

    /// Variant of `kernel` for `layer`, shared by layers with the same settings.
    fn variant(&self, kernel: Kernel, layer: usize) -> Variant {
        let shape = self.layer(layer);
        let [load, store] = [shape.input_activation(), shape.product_activation()];
        let [layer_norm, residual] =
            [Operation::LayerNorm, Operation::AddInput].map(|operation| shape.has(operation));
        let derivative = if layer > 0 { self.task.network.derivative(layer) } else { Derivative::ONE };
        let variant = Variant { load, store, residual, derivative, ..Variant::of(kernel) };
        let variant = match kernel {
            // The normalisation kernels apply the activation, its derivative and the residual term.
            Kernel::Forward | Kernel::Update | Kernel::Optimize if layer_norm => {
                Variant { load: Activation::Identity, ..variant }
            }
            Kernel::Delta if layer_norm => {
                Variant { residual: false, derivative: Derivative::ONE, ..variant }
            }
            _ => variant,
        };
        variant.normal()
    }

    /// Variant of a kernel that compares outputs with targets.
    fn losses(&self, kernel: Kernel) -> Variant {
        Variant {
            loss: self.task.network.loss(),
            are_classes: self.task.data.train.are_classes,
            has_one_output: self.task.network.outputs() == 1,
            ..Variant::of(kernel)
        }
    }

    pub(super) fn kept(&self) -> Result<&'a OptimizerState> {
        self.kept.ok_or_else(|| Error::internal("no gradient or moment buffers on this device"))
    }

    fn slot(&self, slot: SlotId) -> BufferBinding<'a> {
        self.slots.slot(slot)
    }

    fn layer(&self, layer: usize) -> Layer {
        self.task.network.layer(layer)
    }

    /// Dispatch of a product of `layer` whose result has `answer` rows and columns, each element a sum of
    /// `depth` terms.
    fn product(
        &mut self,
        variant: Variant,
        layer: usize,
        operands: &[BufferBinding],
        answer: [usize; 2],
        depth: usize,
    ) -> Result<Dispatch> {
        let sizes = SizesTable::product(self.task.micro_batch, self.layer(layer));
        let variant = variant.cut(self.setup.context.tile(variant.kernel, answer, depth), depth);
        self.setup.dispatch(variant, sizes, operands, answer)
    }
}

fn is_by_four(width: usize) -> bool {
    width.is_multiple_of(4)
}
