use serde::Serialize;

use super::{Activation, Loss, Stored};
use crate::{Error, Result, Setting};

/// A multi-layer perceptron's shape. Its parameters are kept apart, in [`super::Parameters`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Network {
    widths: Vec<usize>,
    activation: Activation,
    loss: Loss,
    residual: bool,
    layer_norm: bool,
}

/// One affine map, between the activations on its two sides: `store(load(s) · Wᵀ + b)`, plus `s` where it is residual. Under
/// layer normalisation it is `load` of the normalised `s`.
///
/// A network applies its activation either where states are made or where they are read, so one of the two is always
/// the identity; [`Stored`] says which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Layer {
    /// Width of the state it reads.
    pub inputs: usize,
    /// Width of the state it makes.
    pub outputs: usize,
    /// Whether it first normalises each sample of the state that it reads; see [`LAYER_NORM_EPSILON`].
    pub layer_norm: bool,
    /// What it applies to the state that it reads.
    pub load: Activation,
    /// What it applies to what it makes.
    pub store: Activation,
    /// Whether it adds the state that it reads to what it makes.
    pub residual: bool,
}

/// Layer normalisation (Ba et al. 2016) makes of a sample's numbers `s` what is `(s − mean) / √(variance + ε)`, with the mean and
/// the (biased) variance of these numbers, and ε this. It has no parameters: the next layer's weights and bias would do
/// what gain and shift do, but for the activation between.
pub const LAYER_NORM_EPSILON: f32 = 1e-5;

impl Network {
    /// A network of `widths.len() - 1` layers.
    ///
    /// # Errors
    /// [`Error::Usage`] for fewer than two widths, a width of zero, or a layer of more than 2³² weights.
    pub fn new(widths: &[usize], activation: Activation, loss: Loss) -> Result<Self> {
        let refuse = |problem: String| Err(Error::usage(Setting::Layers, problem));
        if widths.len() < 2 {
            return refuse(format!(
                "found {} width(s), expected at least two: the inputs and the outputs",
                widths.len()
            ));
        }
        if let Some(index) = widths.iter().position(|&width| width == 0) {
            return refuse(format!("width {index} (counted from 0) is 0, expected at least 1"));
        }
        for pair in widths.windows(2) {
            // Kernels index a layer's weights with 32 bits.
            if pair[0].checked_mul(pair[1]).is_none_or(|weights| weights > u32::MAX as usize) {
                return refuse(format!(
                    "a layer {} → {} has more than 2^32 weights; expected narrower layers",
                    pair[0], pair[1]
                ));
            }
        }
        Ok(Network { widths: widths.to_vec(), activation, loss, residual: false, layer_norm: false })
    }

    /// The same network, whose hidden layers add what they read to what they make wherever the two are equally wide, as
    /// in the pre-activation form of residual networks (He et al. 2016). The first and the last layer never do.
    pub fn with_residual(self, residual: bool) -> Self {
        Network { residual, ..self }
    }

    /// The same network, all of whose layers but the first normalise what they read, before the activation: so hidden states hold
    /// pre-activations, and backward normalises them again.
    ///
    /// # Errors
    /// [`Error::Usage`] where a hidden state is one number wide, of which normalising leaves nothing.
    pub fn with_layer_norm(self, layer_norm: bool) -> Result<Self> {
        let hidden = &self.widths[1..self.widths.len() - 1];
        if let (true, Some(index)) = (layer_norm, hidden.iter().position(|&width| width == 1)) {
            let index = index + 1;
            let problem = format!(
                "width {index} of {} (counted from 0) is 1, and one number by itself is 0 once it is normalised; expected at least 2",
                Setting::Layers
            );
            return Err(Error::usage(Setting::LayerNorm, problem));
        }
        Ok(Network { layer_norm, ..self })
    }

    /// What is between its layers.
    pub fn activation(&self) -> Activation {
        self.activation
    }

    /// Whether it was made [`Network::with_residual`].
    pub fn is_residual(&self) -> bool {
        self.residual
    }

    /// Whether it was made [`Network::with_layer_norm`].
    pub fn has_layer_norm(&self) -> bool {
        self.layer_norm
    }

    /// What its hidden states hold.
    pub fn stored(&self) -> Stored {
        match self.residual || self.layer_norm {
            true => Stored::PreActivation,
            false => self.activation.stored(),
        }
    }

    /// The width of every state, `s_0` first.
    pub fn widths(&self) -> &[usize] {
        &self.widths
    }

    /// The width of `s_0`.
    pub fn features(&self) -> usize {
        self.widths[0]
    }

    /// The width of the output state.
    pub fn outputs(&self) -> usize {
        self.widths[self.widths.len() - 1]
    }

    /// The loss that it is trained with.
    pub fn loss(&self) -> Loss {
        self.loss
    }

    /// Layer `index`, counted from 0.
    pub fn layer(&self, index: usize) -> Layer {
        let (is_first, is_last) = (index == 0, index + 2 == self.widths.len());
        let [inputs, outputs] = [self.widths[index], self.widths[index + 1]];
        let (load, store) = match self.stored() {
            Stored::PreActivation if is_first => (Activation::Identity, Activation::Identity),
            Stored::PreActivation => (self.activation, Activation::Identity),
            Stored::Output if is_last => (Activation::Identity, self.loss.output_activation(self.activation)),
            Stored::Output => (Activation::Identity, self.activation),
        };
        let residual = self.residual && !is_first && !is_last && inputs == outputs;
        let layer_norm = self.layer_norm && !is_first;
        Layer { inputs, outputs, layer_norm, load, store, residual }
    }

    /// Every layer, first to last.
    pub fn layers(&self) -> impl ExactSizeIterator<Item = Layer> + '_ {
        (0..self.widths.len() - 1).map(|index| self.layer(index))
    }

    /// How many numbers are trained.
    pub fn parameter_count(&self) -> u64 {
        self.layers().map(|layer| layer.parameter_count()).sum()
    }
}

/// How a state's derivative is taken, in backward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Derivative {
    /// From what φ gave.
    OfOutput(Activation),
    /// From what φ was given.
    OfPreActivation(Activation),
}

impl Network {
    /// What the delta of layer `index - 1` takes from state `index`, which that layer makes and layer `index` reads.
    pub fn derivative(&self, index: usize) -> Derivative {
        match self.stored() {
            Stored::Output => Derivative::OfOutput(self.layer(index - 1).store),
            Stored::PreActivation => Derivative::OfPreActivation(self.layer(index).load),
        }
    }
}

impl Layer {
    /// Whether its product's operand is something else than the state that it reads.
    pub fn changes_what_it_reads(self) -> bool {
        self.layer_norm || self.load != Activation::Identity
    }

    /// Weights and biases.
    pub fn parameter_count(self) -> u64 {
        (self.inputs as u64 + 1) * self.outputs as u64
    }

    /// Multiplications and additions of the forward product.
    pub fn forward_flops(self, batch: usize) -> u64 {
        2 * batch as u64 * self.inputs as u64 * self.outputs as u64
    }
}
