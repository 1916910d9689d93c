use serde::Serialize;

use super::{Activation, Dropout, Loss, Normalisation, Stored};
use crate::{Error, Result, Setting};

/// Architecture of a multi-layer perceptron; [`super::Parameters`] holds its parameters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Network {
    widths: Vec<usize>,
    activation: Activation,
    loss: Loss,
    residual: bool,
    normalisation: Option<Normalisation>,
    /// What each layer drops of what it reads; empty for none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    dropout: Vec<Option<Dropout>>,
}

/// One layer: [`Layer::operations`], in order, from its input state to its output state.
///
/// A network applies its activation function either before the products of its layers or after them; [`Stored`] says
/// which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Layer {
    /// Width of its input state.
    pub inputs: usize,
    /// Width of its output state.
    pub outputs: usize,
    operations: [Option<Operation>; 5],
}

/// One operation of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Normalisation of each sample, with a trained gain and shift if it has them.
    Normalise(Normalisation),
    /// An activation function of each value; never the identity.
    Activation(Activation),
    /// Dropout, in training.
    Dropout(Dropout),
    /// The product with the layer's weights, plus its bias. Every layer has one.
    Linear,
    /// Adds the layer's input state: the residual connection.
    AddInput,
}

impl Network {
    /// A network of `widths.len() - 1` layers.
    ///
    /// # Errors
    /// [`Error::Usage`] for fewer than two widths, a width of zero, or a layer of more than 2³² weights.
    pub fn new(widths: &[usize], activation: Activation, loss: Loss) -> Result<Self> {
        let refuse = |problem: String| Err(Error::usage(Setting::Layers, problem));
        if widths.len() < 2 {
            return refuse(format!(
                "found {} width(s), expected at least two: those of the inputs and the outputs",
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
        let widths = widths.to_vec();
        Ok(Network { widths, activation, loss, residual: false, normalisation: None, dropout: Vec::new() })
    }

    /// The same network with or without residual connections: hidden layers whose input and output have one width add the
    /// input to the output, in the pre-activation form (He et al. 2016). The first and the last layer never do.
    pub fn with_residual(self, residual: bool) -> Self {
        Network { residual, ..self }
    }

    /// The same network with this normalisation, or none: every layer but the first normalises its input per sample, before
    /// the activation function. Hidden states hold pre-activations, which the backward pass normalises again.
    ///
    /// # Errors
    /// [`Error::Usage`] if a hidden state has width 1, which normalises to a constant.
    pub fn with_normalisation(self, normalisation: Option<Normalisation>) -> Result<Self> {
        let hidden = &self.widths[1..self.widths.len() - 1];
        if let Some(normalisation) = normalisation
            && let Some(index) = hidden.iter().position(|&width| width == 1)
        {
            let index = index + 1;
            let problem = format!(
                "width {index} of {} (counted from 0) is 1, and one number by itself is a constant once it is normalised; \
                 expected at least 2",
                Setting::Layers
            );
            return Err(Error::usage(normalisation.setting(), problem));
        }
        Ok(Network { normalisation, ..self })
    }

    /// The same network with this dropout, or none, of what every layer but the first reads, after the activation function.
    pub fn with_dropout(self, dropout: Option<Dropout>) -> Self {
        (1..self.widths.len() - 1).fold(self, |network, layer| network.with_dropout_of(layer, dropout))
    }

    /// The same network with this dropout, or none, of what `layer` reads: the first, number 0, reads the inputs.
    ///
    /// # Panics
    /// If there is no such layer.
    pub fn with_dropout_of(mut self, layer: usize, dropout: Option<Dropout>) -> Self {
        let layers = self.widths.len() - 1;
        self.dropout.resize(layers, None);
        self.dropout[layer] = dropout;
        if self.dropout.iter().all(Option::is_none) {
            self.dropout.clear();
        }
        self
    }

    /// `true` if any layer has dropout.
    pub fn has_dropout(&self) -> bool {
        !self.dropout.is_empty()
    }

    /// Activation function between its layers.
    pub fn activation(&self) -> Activation {
        self.activation
    }

    /// `true` if it has residual connections; see [`Network::with_residual`].
    pub fn is_residual(&self) -> bool {
        self.residual
    }

    /// Normalisation of its layers' inputs; see [`Network::with_normalisation`].
    pub fn normalisation(&self) -> Option<Normalisation> {
        self.normalisation
    }

    /// What its hidden states hold.
    pub fn stored(&self) -> Stored {
        if self.residual || self.normalisation.is_some() {
            Stored::PreActivation
        } else {
            self.activation.stored()
        }
    }

    /// Width of every state, `s_0` first.
    pub fn widths(&self) -> &[usize] {
        &self.widths
    }

    /// Width of `s_0`.
    pub fn features(&self) -> usize {
        self.widths[0]
    }

    /// Width of the output state.
    pub fn outputs(&self) -> usize {
        self.widths[self.widths.len() - 1]
    }

    /// Loss function that it is trained with.
    pub fn loss(&self) -> Loss {
        self.loss
    }

    /// Layer `index`, counted from 0.
    pub fn layer(&self, index: usize) -> Layer {
        let (is_first, is_last) = (index == 0, index + 2 == self.widths.len());
        let [inputs, outputs] = [self.widths[index], self.widths[index + 1]];
        let linear = Some(Operation::Linear);
        let apply =
            |activation| (activation != Activation::Identity).then_some(Operation::Activation(activation));
        let dropout = self.dropout.get(index).copied().flatten().map(Operation::Dropout);
        let operations = match self.stored() {
            Stored::PreActivation if is_first => [dropout, linear, None, None, None],
            Stored::PreActivation => {
                let normalise = self.normalisation.map(Operation::Normalise);
                let is_residual = self.residual && !is_last && inputs == outputs;
                let add_input = is_residual.then_some(Operation::AddInput);
                [normalise, apply(self.activation), dropout, linear, add_input]
            }
            Stored::Output if is_last => {
                [dropout, linear, apply(self.loss.output_activation(self.activation)), None, None]
            }
            Stored::Output => [dropout, linear, apply(self.activation), None, None],
        };
        Layer { inputs, outputs, operations }
    }

    /// All layers, first to last.
    pub fn layers(&self) -> impl ExactSizeIterator<Item = Layer> + '_ {
        (0..self.widths.len() - 1).map(|index| self.layer(index))
    }

    /// Number of parameters.
    pub fn parameter_count(&self) -> u64 {
        self.layers().map(|layer| layer.parameter_count()).sum()
    }
}

/// φ′ of a state, as the backward pass computes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Derivative {
    /// The function φ.
    pub activation: Activation,
    /// What the state holds.
    pub of: Stored,
}

impl Derivative {
    /// φ′ = 1
    pub const ONE: Derivative = Derivative { activation: Activation::Identity, of: Stored::Output };
}

impl Network {
    /// φ′ of state `index` (at least 1), the factor of the delta of layer `index - 1`, which writes that state.
    pub fn derivative(&self, index: usize) -> Derivative {
        let of = self.stored();
        let activation = match of {
            Stored::Output => self.layer(index - 1).product_activation(),
            Stored::PreActivation => self.layer(index).input_activation(),
        };
        Derivative { activation, of }
    }
}

impl Layer {
    /// What it computes, in order.
    pub fn operations(self) -> impl Iterator<Item = Operation> {
        self.operations.into_iter().flatten()
    }

    /// The operations whose result is multiplied by the weights, in order.
    pub fn before_product(self) -> impl Iterator<Item = Operation> {
        self.operations().take_while(|&operation| operation != Operation::Linear)
    }

    /// The operations on the product, in order.
    pub fn after_product(self) -> impl Iterator<Item = Operation> {
        self.operations().skip_while(|&operation| operation != Operation::Linear).skip(1)
    }

    /// `true` if the operand of its product is not its input state itself.
    pub fn transforms_input(self) -> bool {
        self.before_product().next().is_some()
    }

    /// `true` if `operation` is one of its operations.
    pub fn has(self, operation: Operation) -> bool {
        self.operations.contains(&Some(operation))
    }

    /// Dropout of what it reads, after any activation function.
    pub fn dropout(self) -> Option<Dropout> {
        self.before_product().find_map(|operation| match operation {
            Operation::Dropout(dropout) => Some(dropout),
            _ => None,
        })
    }

    /// Activation function of its input, after any normalisation.
    pub fn input_activation(self) -> Activation {
        activation_of(self.before_product())
    }

    /// Activation function of its product.
    pub fn product_activation(self) -> Activation {
        activation_of(self.after_product())
    }

    /// Normalisation of its input, before any activation function.
    pub fn normalisation(self) -> Option<Normalisation> {
        self.before_product().find_map(|operation| match operation {
            Operation::Normalise(normalisation) => Some(normalisation),
            _ => None,
        })
    }

    /// Lengths of its tensors: weights, bias, gain and shift. One that it does not have has length 0.
    pub fn tensor_lengths(self) -> [usize; 4] {
        let trained = |has: fn(Normalisation) -> bool| {
            if self.normalisation().is_some_and(has) { self.inputs } else { 0 }
        };
        let [gain, shift] = [trained(Normalisation::has_gain), trained(Normalisation::has_shift)];
        [self.inputs * self.outputs, self.outputs, gain, shift]
    }

    /// Number of parameters.
    pub fn parameter_count(self) -> u64 {
        self.tensor_lengths().into_iter().map(|length| length as u64).sum()
    }

    /// FLOPs of its product in the forward pass.
    pub fn forward_flops(self, batch: usize) -> u64 {
        2 * batch as u64 * self.inputs as u64 * self.outputs as u64
    }
}

fn activation_of(mut operations: impl Iterator<Item = Operation>) -> Activation {
    let activation = operations.find_map(|operation| match operation {
        Operation::Activation(activation) => Some(activation),
        _ => None,
    });
    activation.unwrap_or(Activation::Identity)
}
