use std::collections::BTreeMap;

use super::Widths;
use crate::model::{Activation, Dropout, Initialiser, Loss, Network, Normalisation, Parameters};
use crate::{Result, Setting};

/// The network, its initial parameters, and its loss function.
#[derive(Debug, Clone, PartialEq)]
pub struct NetworkSettings {
    /// Width of every state, input first.
    pub layers: Widths,
    /// Activation function between two layers.
    pub activation: Activation,
    /// Adds a hidden layer's input to its output wherever the two are equally wide.
    pub residual: bool,
    /// Normalisation of each layer's input per sample; the first layer's is left as it is.
    pub normalisation: Option<Normalisation>,
    /// Probability that an input of a layer is dropped in training; the first layer's are kept.
    pub dropout: f32,
    /// Distribution of the initial parameters; `None` is [`Initialiser::usual`] for the activation function.
    pub initialiser: Option<Initialiser>,
    /// Loss function.
    pub loss: Loss,
}

impl Default for NetworkSettings {
    /// Fifty residual layers of 64 for MNIST.
    fn default() -> Self {
        NetworkSettings {
            layers: Widths(
                [vec![784], NetworkSettings::usual_hidden(NetworkSettings::DEEP_SAMPLES), vec![10]].concat(),
            ),
            activation: Activation::Relu,
            residual: true,
            normalisation: None,
            dropout: 0.0,
            initialiser: None,
            loss: Loss::CrossEntropy,
        }
    }
}

impl NetworkSettings {
    /// Fewest training samples for which fifty layers are the default: with fewer, one hidden layer generalises better.
    pub const DEEP_SAMPLES: usize = 5000;

    /// Default widths of the hidden states for so many training samples: fifty of 64, or one of 100 for fewer than
    /// [`NetworkSettings::DEEP_SAMPLES`].
    pub fn usual_hidden(samples: usize) -> Vec<usize> {
        if samples < NetworkSettings::DEEP_SAMPLES { vec![100] } else { vec![64; 50] }
    }

    /// The network that these settings describe.
    ///
    /// # Errors
    /// As [`Network::new`], and [`Dropout::new`].
    pub fn build(&self) -> Result<Network> {
        let network = Network::new(&self.layers.0, self.activation, self.loss)?;
        let network = network.with_residual(self.residual).with_normalisation(self.normalisation)?;
        Ok(network.with_dropout(Dropout::new(self.dropout)?))
    }

    /// Initial parameters of that network, drawn from `seed`.
    ///
    /// # Errors
    /// As [`Network::new`].
    pub fn initial_parameters(&self, seed: u64) -> Result<Parameters> {
        Ok(Parameters::initial(&self.build()?, self.initialiser(), seed))
    }

    /// The chosen initialiser, or the usual one for the activation function.
    pub fn initialiser(&self) -> Initialiser {
        self.initialiser.unwrap_or_else(|| Initialiser::usual(self.activation))
    }

    pub(super) fn identify(&self, identity: &mut BTreeMap<Setting, String>) {
        identity.extend([
            (Setting::Layers, self.layers.to_string()),
            (Setting::Activation, self.activation.name().to_owned()),
            (Setting::Residual, self.residual.to_string()),
            (Setting::Loss, self.loss.name().to_owned()),
        ]);
        identity.insert(Setting::LayerNorm, "false".to_owned());
        // Runs of earlier versions had neither RMS normalisation nor dropout.
        if let Some(normalisation) = self.normalisation {
            let value = if normalisation.has_gain() { "true" } else { "plain" };
            identity.insert(normalisation.setting(), value.to_owned());
        }
        if self.dropout != 0.0 {
            identity.insert(Setting::Dropout, self.dropout.to_string());
        }
    }
}
