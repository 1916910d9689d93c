//! Layers that run alone, the loss and the score.

use wgpu::BufferBinding;

use super::binder::{Binder, MOST_GROUPS};
use crate::Result;
use crate::device::Fault;
use crate::gpu::device::Buffer;
use crate::gpu::kernels::{self, LayerFunctions, Outputs, RuleConstants};
use crate::gpu::memory::{LayerTensors, SizesTable};
use crate::gpu::pipelines::{Dispatch, Kernel, LayerProduct, NORM_SAMPLES, Product};
use crate::model::{Activation, Derivative};
use crate::plan::SlotId;

impl<'a> Binder<'a> {
    pub fn forward(&mut self, layer: usize, input: SlotId, output: SlotId) -> Result<Vec<Dispatch>> {
        let LayerTensors { weights, bias, .. } = self.parameters.alone(layer)?;
        let (normalised, loaded) = self.loaded(layer, input)?;
        let split = self.split(layer);
        let last = if split.is_some() { self.targets.whole() } else { self.slot(input)? };
        let rest = [weights.whole(), bias.whole(), self.slot(output)?, last];
        let operands: Vec<_> = loaded.into_iter().chain(rest).collect();
        let product = self.product(Product::Forward, layer);
        let tile = self.setup.context.tile(product);
        let kernel = kernels::forward(self.functions(Product::Forward, layer), product, tile, split);
        let sizes = self.sizes(layer);
        let dispatch = self.setup.dispatch(&kernel, sizes, &operands, product.answer())?;
        Ok(normalised.into_iter().chain([dispatch]).collect())
    }

    /// Dispatches that compute the delta `below` the layer, if there is any, and use the gradients.
    pub fn backward(
        &mut self,
        layer: usize,
        state: SlotId,
        above: SlotId,
        below: Option<SlotId>,
    ) -> Result<Vec<Dispatch>> {
        let (normalised, loaded) = self.loaded(layer, state)?;
        // The delta below is computed from the weights before the update overwrites them.
        let below = match below {
            Some(below) => self.delta(layer, state, above, below)?,
            None => Vec::new(),
        };
        let update = self.update(layer, loaded, above)?;
        Ok(normalised.into_iter().chain(below).chain([update]).collect())
    }

    fn delta(&mut self, layer: usize, state: SlotId, delta: SlotId, below: SlotId) -> Result<Vec<Dispatch>> {
        let LayerTensors { weights, .. } = self.parameters.alone(layer)?;
        let [state, delta, below] = [self.slot(state)?, self.slot(delta)?, self.slot(below)?];
        let operands = [delta.clone(), weights.whole(), state.clone(), below.clone()];
        let product = self.product(Product::Delta, layer);
        let tile = self.setup.context.tile(product);
        let kernel = kernels::delta(self.functions(Product::Delta, layer), product, tile);
        let sizes = self.sizes(layer);
        let mut dispatches = vec![self.setup.dispatch(&kernel, sizes, &operands, product.answer())?];
        if let Some(normalisation) = product.layer.normalisation() {
            let kernel = kernels::normalise_delta(normalisation, self.all_functions(layer));
            let norm = self.norm(layer)?;
            let operands: Vec<_> = [state, delta, below].into_iter().chain(norm).collect();
            dispatches.push(self.each_sample(&kernel, layer, &operands)?);
            dispatches.extend(self.norm_gradient(layer)?);
        }
        Ok(dispatches)
    }

    /// Gain and shift of `layer`, and the sums for their gradients, if it has a gain.
    fn norm(&self, layer: usize) -> Result<Vec<BufferBinding<'a>>> {
        let both = self.parameters.alone(layer)?.norm.as_ref().zip(self.norm_sums);
        Ok(both.map_or(Vec::new(), |(norm, sums)| vec![norm.whole(), sums.whole()]))
    }

    /// Dispatch of the gradients of gain and shift of `layer`, and of their use, if it has a gain.
    fn norm_gradient(&mut self, layer: usize) -> Result<Option<Dispatch>> {
        let fault = self.place(layer);
        let Some(sizes) = SizesTable::norm_gradient(self.task.micro_batch, self.layer(layer), fault) else {
            return Ok(None);
        };
        let rule = RuleConstants::of(self.task);
        let mut operands = self.norm(layer)?;
        operands.reverse();
        operands.push(self.metrics.whole());
        if !rule.is_plain() {
            operands.push(self.kept()?.alone(layer)?.whole());
        }
        let groups = (sizes[0] as usize).div_ceil(kernels::NORM_GROUP);
        self.setup.dispatch(&kernels::norm_gradient(rule), sizes, &operands, [1, groups]).map(Some)
    }

    fn update(&mut self, layer: usize, loaded: Option<BufferBinding<'a>>, delta: SlotId) -> Result<Dispatch> {
        let LayerTensors { weights, bias, .. } = self.parameters.alone(layer)?;
        let mut operands = vec![self.slot(delta)?];
        operands.extend(loaded);
        operands.extend([weights.whole(), bias.whole()]);
        let rule = RuleConstants::of(self.task);
        if !rule.is_plain() {
            operands.push(self.kept()?.alone(layer)?.whole());
        }
        operands.push(self.metrics.whole());
        let product = self.product(Product::Gradient, layer);
        let functions = self.functions(Product::Gradient, layer);
        let tile = self.setup.context.tile(product);
        let kernel = kernels::gradient(functions, rule, product, tile, self.split(layer));
        let sizes = SizesTable::update(self.task.micro_batch, product.layer, self.place(layer));
        self.setup.dispatch(&kernel, sizes, &operands, product.answer())
    }

    /// Input of `layer`'s product: the state, or the normalised state and the dispatch that computes it, or neither if the
    /// layer reads the dataset.
    fn loaded(
        &mut self,
        layer: usize,
        state: SlotId,
    ) -> Result<(Option<Dispatch>, Option<BufferBinding<'a>>)> {
        if self.split(layer).is_some() {
            return Ok((None, None));
        }
        let state = self.slot(state)?;
        let shape = self.layer(layer);
        let (Some(loaded), Some(normalisation)) = (self.loaded, shape.normalisation()) else {
            return Ok((None, Some(state)));
        };
        let loaded = loaded.range(0, 4 * (self.task.micro_batch * shape.inputs) as u64);
        let kernel = kernels::normalise(normalisation, self.all_functions(layer));
        let norm = self.parameters.alone(layer)?.norm.as_ref().map(Buffer::whole);
        let operands: Vec<_> = [state, loaded.clone()].into_iter().chain(norm).collect();
        let normalised = self.each_sample(&kernel, layer, &operands)?;
        Ok((Some(normalised), Some(loaded)))
    }

    /// Dispatch of a kernel that processes the input of `layer` sample by sample.
    fn each_sample(&mut self, kernel: &Kernel, layer: usize, operands: &[BufferBinding]) -> Result<Dispatch> {
        let sizes = self.sizes(layer);
        let groups = self.task.micro_batch.div_ceil(NORM_SAMPLES).min(MOST_GROUPS);
        self.setup.dispatch(kernel, sizes, operands, [groups, 1])
    }

    pub fn loss(&mut self, output: SlotId, delta: SlotId) -> Result<Dispatch> {
        let last = self.task.network.layers().len() - 1;
        let kernel = kernels::loss(self.outputs(), self.layer(last).product_activation());
        let sizes = SizesTable::loss(self.task);
        let [targets, sample_losses, metrics] =
            [self.targets, self.sample_losses, self.metrics].map(Buffer::whole);
        let operands = [self.slot(output)?, targets, self.slot(delta)?, sample_losses, metrics];
        self.setup.dispatch(&kernel, sizes, &operands, [1, self.task.micro_batch])
    }

    /// Dispatch that sums the losses of a pass at its end.
    ///
    /// # Errors
    /// As [`Binder::bind`].
    pub fn tally(&mut self) -> Result<Dispatch> {
        let operands = [self.sample_losses, self.metrics].map(Buffer::whole);
        let sizes = SizesTable::tally(self.task);
        self.setup.dispatch(&kernels::tally(), sizes, &operands, [1, 1])
    }

    pub fn score(&mut self, output: SlotId) -> Result<Dispatch> {
        let [targets, sample_losses, metrics] =
            [self.targets, self.sample_losses, self.metrics].map(Buffer::whole);
        let operands = [self.slot(output)?, targets, sample_losses, metrics];
        let sizes = SizesTable::loss(self.task);
        self.setup.dispatch(&kernels::score(self.outputs()), sizes, &operands, [1, self.task.micro_batch])
    }

    pub fn outputs(&self) -> Outputs {
        let split = self.task.data.train;
        Outputs {
            loss: self.task.network.loss(),
            are_classes: split.are_classes,
            is_one: self.task.network.outputs() == 1,
            words: split.target_words,
            have_weights: split.has_weights,
            smoothing: self.task.label_smoothing,
        }
    }

    fn product(&self, product: Product, layer: usize) -> LayerProduct {
        LayerProduct { product, layer: self.layer(layer), micro_batch: self.task.micro_batch }
    }

    /// Uniform arguments of kernels of `layer` that update nothing. Only those that drop values need the layer's number; others share
    /// them with layers of the same shape.
    fn sizes(&self, layer: usize) -> [u32; 4] {
        let shape = self.layer(layer);
        match shape.dropout() {
            Some(_) => SizesTable::update(self.task.micro_batch, shape, self.place(layer)),
            None => SizesTable::product(self.task.micro_batch, shape),
        }
    }

    fn place(&self, layer: usize) -> u32 {
        Fault::place(layer, self.task.network.layers().len())
    }

    fn all_functions(&self, layer: usize) -> LayerFunctions {
        LayerFunctions::of(self.task.network, layer..layer + 1)
    }

    /// What the kernel of `product` applies. That of a normalised layer leaves some of it to the kernels that normalise.
    fn functions(&self, product: Product, layer: usize) -> LayerFunctions {
        let functions = self.all_functions(layer);
        if self.layer(layer).normalisation().is_none() {
            return functions;
        }
        let functions = LayerFunctions { dropout: None, ..functions };
        match product {
            Product::Delta => LayerFunctions { residual: false, derivative: Derivative::ONE, ..functions },
            Product::Forward | Product::Gradient => {
                LayerFunctions { load: Activation::Identity, ..functions }
            }
        }
    }
}
