use serde::Serialize;

use super::{Activation, Loss};
use crate::{Error, Result};

/// A multi-layer perceptron's shape. Its parameters are kept apart, in [`super::Parameters`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Network {
    widths: Vec<usize>,
    activation: Activation,
    loss: Loss,
}

/// One affine map and its activation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Layer {
    /// Width of the state it reads.
    pub inputs: usize,
    /// Width of the state it makes.
    pub outputs: usize,
    /// What it applies to `s · Wᵀ + b`.
    pub activation: Activation,
}

impl Network {
    /// A network of `widths.len() - 1` layers.
    ///
    /// # Errors
    /// [`Error::Usage`] for fewer than two widths, a width of zero, or a layer of more than 2³² weights.
    pub fn new(widths: &[usize], activation: Activation, loss: Loss) -> Result<Self> {
        let refuse = |problem: String| Err(Error::usage("--layers", problem));
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
        Ok(Network { widths: widths.to_vec(), activation, loss })
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
    pub fn classes(&self) -> usize {
        self.widths[self.widths.len() - 1]
    }

    /// The loss that it is trained with.
    pub fn loss(&self) -> Loss {
        self.loss
    }

    /// Layer `index`, counted from 0.
    pub fn layer(&self, index: usize) -> Layer {
        let is_last = index + 2 == self.widths.len();
        Layer {
            inputs: self.widths[index],
            outputs: self.widths[index + 1],
            activation: if is_last { self.loss.output_activation(self.activation) } else { self.activation },
        }
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

impl Layer {
    /// Weights and biases.
    pub fn parameter_count(self) -> u64 {
        (self.inputs as u64 + 1) * self.outputs as u64
    }

    /// Multiplications and additions of the forward product.
    pub fn forward_flops(self, batch: usize) -> u64 {
        2 * batch as u64 * self.inputs as u64 * self.outputs as u64
    }
}
