use super::{Activation, Kind, Loss, Shape, delta, forward, loss, update, weight_gradient};

/// A whole network, which stores every state and forgets nothing.
#[derive(Clone, Debug)]
pub struct Reference {
    /// The widths of the states; layer `l` goes from `widths[l]` to `widths[l + 1]`.
    pub widths: Vec<usize>,
    /// Between the layers.
    pub activation: Activation,
    /// Whether hidden layers add what they read to what they make, where the two are equally wide.
    pub residual: bool,
    /// Whether layers but the first normalise what they read.
    pub layer_norm: bool,
    /// What its gradients are of.
    pub loss: Loss,
    /// Layer by layer, `[widths[l + 1], widths[l]]`.
    pub weights: Vec<Vec<f64>>,
    /// Layer by layer, `[widths[l + 1]]`.
    pub biases: Vec<Vec<f64>>,
}

/// The gradients of the mean loss, in the shapes of the network's weights and biases.
#[derive(Clone, Debug)]
pub struct Gradients {
    /// Layer by layer, `[outputs, inputs]`.
    pub weights: Vec<Vec<f64>>,
    /// Layer by layer, `[outputs]`.
    pub biases: Vec<Vec<f64>>,
}

impl Reference {
    /// The number of layers.
    pub fn layers(&self) -> usize {
        self.widths.len() - 1
    }

    /// What this layer does beside its product. Layers apply the activation to what they make, the last one under the
    /// quadratic loss alone; or, where it cannot be undone from that, or layers are residual or normalise, to what they read, but for
    /// the first.
    pub fn kind(&self, layer: usize) -> Kind {
        let (is_first, is_last) = (layer == 0, layer + 1 == self.layers());
        let activation = self.activation;
        let cannot_be_undone = matches!(activation, Activation::Gelu | Activation::Silu | Activation::Sine);
        let (mut load, mut store) = (Activation::Identity, Activation::Identity);
        if self.residual || self.layer_norm || cannot_be_undone {
            if !is_first {
                load = activation;
            }
        } else if !is_last || self.loss == Loss::Quadratic {
            store = activation;
        }
        let is_square = self.widths[layer] == self.widths[layer + 1];
        Kind {
            layer_norm: self.layer_norm && !is_first,
            load,
            store,
            residual: self.residual && is_square && !is_first && !is_last,
        }
    }

    /// The shape of this layer's work on a batch of that size.
    pub fn shape(&self, layer: usize, batch: usize) -> Shape {
        Shape { batch, inputs: self.widths[layer], outputs: self.widths[layer + 1] }
    }

    /// Every state from the input `x` `[batch, widths[0]]` to the output, `layers + 1` of them.
    pub fn states(&self, x: &[f64]) -> Vec<Vec<f64>> {
        let batch = x.len() / self.widths[0];
        let mut states = vec![x.to_vec()];
        for l in 0..self.layers() {
            let (shape, kind) = (self.shape(l, batch), self.kind(l));
            states.push(forward(shape, kind, &states[l], &self.weights[l], &self.biases[l]));
        }
        states
    }

    /// The losses of the samples and the last delta, from the output `[batch, last width]`.
    fn loss_of(&self, output: &[f64], targets: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let store = self.kind(self.layers() - 1).store;
        let width = self.widths[self.layers()];
        loss(self.loss, store, targets.len() / width, width, output, targets)
    }

    /// The mean loss over the batch whose state `layer` is `state` `[batch, widths[layer]]`, `targets`
    /// `[batch, last width]`: what
    /// [`Reference::loss`] makes of it from there on.
    pub fn loss_from(&self, layer: usize, state: &[f64], targets: &[f64]) -> f64 {
        let (mut state, batch) = (state.to_vec(), state.len() / self.widths[layer]);
        for l in layer..self.layers() {
            let (shape, kind) = (self.shape(l, batch), self.kind(l));
            state = forward(shape, kind, &state, &self.weights[l], &self.biases[l]);
        }
        let (terms, _) = self.loss_of(&state, targets);
        terms.iter().sum::<f64>() / batch as f64
    }

    /// The mean loss over the batch `x` `[batch, widths[0]]`, `targets` `[batch, last width]`.
    pub fn loss(&self, x: &[f64], targets: &[f64]) -> f64 {
        self.loss_from(0, x, targets)
    }

    /// The gradients of [`Reference::loss`], by backpropagation.
    pub fn gradients(&self, x: &[f64], targets: &[f64]) -> Gradients {
        let states = self.states(x);
        let (_, mut current) = self.loss_of(&states[self.layers()], targets);
        let mut gradients = Gradients { weights: Vec::new(), biases: Vec::new() };
        for l in (0..self.layers()).rev() {
            let (shape, kind) = (self.shape(l, x.len() / self.widths[0]), self.kind(l));
            let (weights, bias) = weight_gradient(shape, kind, &current, &states[l]);
            gradients.weights.insert(0, weights);
            gradients.biases.insert(0, bias);
            if l > 0 {
                current = delta(shape, kind, self.kind(l - 1), &current, &self.weights[l], &states[l]);
            }
        }
        gradients
    }

    /// One step of gradient descent on this batch.
    pub fn step(&mut self, x: &[f64], targets: &[f64], rate: f64) {
        let gradients = self.gradients(x, targets);
        for l in 0..self.layers() {
            update(&mut self.weights[l], &gradients.weights[l], rate);
            update(&mut self.biases[l], &gradients.biases[l], rate);
        }
    }
}
