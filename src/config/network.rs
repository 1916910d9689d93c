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
            layers: Widths([vec![784], NetworkSettings::usual_hidden(usize::MAX), vec![10]].concat()),
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
    /// Training samples that the default network of fifty layers takes: with fewer, one hidden layer generalises better.
    pub const DEEP_SAMPLES: usize = 5000;

    /// Widths of the hidden states for so many training samples, if nothing else is known of them: fifty of 64, or one of 100 for
    /// fewer than [`NetworkSettings::DEEP_SAMPLES`].
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
        let value = |is_plain: bool| if is_plain { "plain" } else { "true" }.to_owned();
        let normalisation = self.normalisation;
        let layer_norm = normalisation.filter(|normalisation| normalisation.is_centred());
        let none = || "false".to_owned();
        let layer_norm = layer_norm.map_or_else(none, |normalisation| value(!normalisation.has_gain()));
        identity.insert(Setting::LayerNorm, layer_norm);
        // Runs of earlier versions had neither of these.
        if let Some(rms) = normalisation.filter(|normalisation| !normalisation.is_centred()) {
            identity.insert(Setting::RmsNorm, value(!rms.has_gain()));
        }
        if self.dropout != 0.0 {
            identity.insert(Setting::Dropout, self.dropout.to_string());
        }
    }
}
