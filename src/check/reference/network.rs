use super::{
    Activation, Dropout, Loss, Normalisation, Operation, Parameters, Shape, delta, forward, loss,
    norm_gradient, operand, update, weight_gradient,
};

/// A network that stores every state.
#[derive(Clone, Debug)]
pub struct Reference {
    /// Width of every state; layer `l` maps `widths[l]` to `widths[l + 1]`.
    pub widths: Vec<usize>,
    /// Activation function between its layers.
    pub activation: Activation,
    /// `true` if hidden layers whose input and output have one width add the one to the other.
    pub residual: bool,
    /// Normalisation of the input of layers but the first.
    pub normalisation: Option<Normalisation>,
    /// Masks of dropout; `None` if nothing is dropped.
    pub dropout: Option<Dropout>,
    /// Loss function.
    pub loss: Loss,
    /// Parameters of each layer.
    pub parameters: Vec<Parameters>,
}

impl Reference {
    /// Number of layers.
    pub fn layers(&self) -> usize {
        self.widths.len() - 1
    }

    /// What this layer computes. Layers apply the activation function to their product, the last one under the quadratic
    /// loss only. If φ′ cannot be computed from the result, or in networks that are residual or normalise, they apply it
    /// to their input instead, except for the first. Right before the product, layers drop what their mask says.
    pub fn operations(&self, layer: usize) -> Vec<Operation> {
        let (is_first, is_last) = (layer == 0, layer + 1 == self.layers());
        let activation = Operation::Activation(self.activation);
        let mut operations = vec![Operation::Linear];
        if self.residual || self.normalisation.is_some() || !self.activation.has_derivative_from_output() {
            if !is_first {
                operations.insert(0, activation);
            }
            let normalisation: &[_] = match self.normalisation {
                Some(Normalisation::Layer) => &[Operation::LayerNorm, Operation::Gain, Operation::Shift],
                Some(Normalisation::PlainLayer) => &[Operation::LayerNorm],
                Some(Normalisation::Rms) => &[Operation::RmsNorm, Operation::Gain],
                Some(Normalisation::PlainRms) => &[Operation::RmsNorm],
                None => &[],
            };
            if !is_first {
                operations.splice(0..0, normalisation.iter().copied());
            }
        } else if !is_last || self.loss == Loss::Quadratic {
            operations.push(activation);
        }
        if let Some(mask) = self.dropout.as_ref().and_then(|dropout| dropout.mask(layer)) {
            let product = operations.iter().position(|&operation| operation == Operation::Linear);
            operations.insert(product.unwrap_or(0), Operation::Dropout(mask));
        }
        let is_square = self.widths[layer] == self.widths[layer + 1];
        if self.residual && is_square && !is_first && !is_last {
            operations.push(Operation::AddInput);
        }
        operations
    }

    /// Activation function of the last layer's product.
    pub fn output_activation(&self) -> Activation {
        match self.operations(self.layers() - 1).last() {
            Some(&Operation::Activation(activation)) => activation,
            _ => Activation::Identity,
        }
    }

    /// The sizes of this layer on a batch of `batch` samples.
    pub fn shape(&self, layer: usize, batch: usize) -> Shape {
        Shape { batch, inputs: self.widths[layer], outputs: self.widths[layer + 1] }
    }

    /// All `layers + 1` states, from the input `x` `[batch, widths[0]]` to the output.
    pub fn states(&self, x: &[f64]) -> Vec<Vec<f64>> {
        let batch = x.len() / self.widths[0];
        let mut states = vec![x.to_vec()];
        for l in 0..self.layers() {
            let (shape, operations) = (self.shape(l, batch), self.operations(l));
            states.push(forward(shape, &operations, &states[l], &self.parameters[l]));
        }
        states
    }

    /// What this layer applies its activation function to, from its input `state` `[batch, widths[layer]]`. `None` if it
    /// applies none.
    pub fn activation_input(&self, layer: usize, state: &[f64]) -> Option<Vec<f64>> {
        let (operations, batch) = (self.operations(layer), state.len() / self.widths[layer]);
        let index = operations.iter().position(|operation| matches!(operation, Operation::Activation(_)))?;
        Some(forward(self.shape(layer, batch), &operations[..index], state, &self.parameters[layer]))
    }

    /// The losses of the samples and the last layer's delta, from the output `[batch, last width]`.
    fn loss_of(&self, output: &[f64], targets: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let width = self.widths[self.layers()];
        loss(self.loss, self.output_activation(), targets.len() / width, width, output, targets)
    }

    /// [`Reference::loss`] of a batch whose state `layer` is `state` `[batch, widths[layer]]`, with `targets`
    /// `[batch, last width]`.
    pub fn loss_from(&self, layer: usize, state: &[f64], targets: &[f64]) -> f64 {
        let (mut state, batch) = (state.to_vec(), state.len() / self.widths[layer]);
        for l in layer..self.layers() {
            let (shape, operations) = (self.shape(l, batch), self.operations(l));
            state = forward(shape, &operations, &state, &self.parameters[l]);
        }
        let (terms, _) = self.loss_of(&state, targets);
        terms.iter().sum::<f64>() / batch as f64
    }

    /// Mean loss over the batch `x` `[batch, widths[0]]` with `targets` `[batch, last width]`.
    pub fn loss(&self, x: &[f64], targets: &[f64]) -> f64 {
        self.loss_from(0, x, targets)
    }

    /// Gradients of [`Reference::loss`] for each layer, by backpropagation.
    pub fn gradients(&self, x: &[f64], targets: &[f64]) -> Vec<Parameters> {
        let states = self.states(x);
        let (_, mut current) = self.loss_of(&states[self.layers()], targets);
        let mut gradients = Vec::new();
        for l in (0..self.layers()).rev() {
            let (shape, operations) = (self.shape(l, x.len() / self.widths[0]), self.operations(l));
            let (state, parameters) = (&states[l], &self.parameters[l]);
            let operand = operand(shape, &operations, state, parameters);
            let (weights, bias) = weight_gradient(shape, &current, &operand);
            let [gain, shift] = norm_gradient(shape, &operations, &current, parameters, state);
            gradients.insert(0, Parameters { weights, bias, gain, shift });
            if l > 0 {
                let below = self.operations(l - 1);
                current = delta(shape, &operations, &below, &current, parameters, state);
            }
        }
        gradients
    }

    /// One step of gradient descent on this batch.
    pub fn step(&mut self, x: &[f64], targets: &[f64], rate: f64) {
        let gradients = self.gradients(x, targets);
        for (parameters, gradients) in self.parameters.iter_mut().zip(&gradients) {
            for (tensor, gradient) in parameters.tensors_mut().into_iter().zip(gradients.tensors()) {
                update(tensor, gradient, rate);
            }
        }
    }
}
