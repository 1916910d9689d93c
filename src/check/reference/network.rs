use super::{Activation, Loss, Shape, delta, forward, loss, update, weight_gradient};

/// A whole network, which stores every state and forgets nothing.
#[derive(Clone, Debug)]
pub struct Reference {
    /// The widths of the states; layer `l` goes from `widths[l]` to `widths[l + 1]`.
    pub widths: Vec<usize>,
    /// Of every layer, but for the last where the loss wants logits.
    pub activation: Activation,
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

    /// The activation of this layer: the network's, but the identity on the last one under cross-entropy.
    pub fn activation_of(&self, layer: usize) -> Activation {
        match self.loss {
            Loss::CrossEntropy if layer + 1 == self.layers() => Activation::Identity,
            _ => self.activation,
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
            let (shape, activation) = (self.shape(l, batch), self.activation_of(l));
            states.push(forward(shape, activation, &states[l], &self.weights[l], &self.biases[l]));
        }
        states
    }

    /// The losses of the samples and the last delta, from the output `[batch, last width]`.
    fn loss_of(&self, output: &[f64], labels: &[u32]) -> (Vec<f64>, Vec<f64>) {
        let activation = self.activation_of(self.layers() - 1);
        loss(self.loss, activation, labels.len(), self.widths[self.layers()], output, labels)
    }

    /// The mean loss over the batch whose state `layer` is `state` `[batch, widths[layer]]`, `labels` `[batch]`: what
    /// [`Reference::loss`] makes of it from there on.
    pub fn loss_from(&self, layer: usize, state: &[f64], labels: &[u32]) -> f64 {
        let mut state = state.to_vec();
        for l in layer..self.layers() {
            let (shape, activation) = (self.shape(l, labels.len()), self.activation_of(l));
            state = forward(shape, activation, &state, &self.weights[l], &self.biases[l]);
        }
        let (terms, _) = self.loss_of(&state, labels);
        terms.iter().sum::<f64>() / labels.len() as f64
    }

    /// The mean loss over the batch `x` `[batch, widths[0]]`, `labels` `[batch]`.
    pub fn loss(&self, x: &[f64], labels: &[u32]) -> f64 {
        self.loss_from(0, x, labels)
    }

    /// The gradients of [`Reference::loss`], by backpropagation.
    pub fn gradients(&self, x: &[f64], labels: &[u32]) -> Gradients {
        let states = self.states(x);
        let (_, mut current) = self.loss_of(&states[self.layers()], labels);
        let mut gradients = Gradients { weights: Vec::new(), biases: Vec::new() };
        for l in (0..self.layers()).rev() {
            let shape = self.shape(l, labels.len());
            let (weights, bias) = weight_gradient(shape, &current, &states[l]);
            gradients.weights.insert(0, weights);
            gradients.biases.insert(0, bias);
            if l > 0 {
                current = delta(shape, self.activation_of(l - 1), &current, &self.weights[l], &states[l]);
            }
        }
        gradients
    }

    /// One step of gradient descent on this batch.
    pub fn step(&mut self, x: &[f64], labels: &[u32], rate: f64) {
        let gradients = self.gradients(x, labels);
        for l in 0..self.layers() {
            update(&mut self.weights[l], &gradients.weights[l], rate);
            update(&mut self.biases[l], &gradients.biases[l], rate);
        }
    }
}
