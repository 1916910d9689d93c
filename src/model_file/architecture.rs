use serde::{Deserialize, Serialize};

use crate::Result;
use crate::model::{Activation, Loss, Network};

/// A network without its parameters, as model files tell it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Architecture {
    /// The width of every state.
    pub widths: Vec<usize>,
    /// Between the layers.
    pub activation: Activation,
    /// What it was trained with.
    pub loss: Loss,
    /// Whether hidden layers add what they read to what they make.
    pub residual: bool,
    /// Whether layers but the first normalise what they read. Older files do not say.
    #[serde(default)]
    pub layer_norm: bool,
}

impl Architecture {
    /// That of `network`.
    pub fn of(network: &Network) -> Self {
        Architecture {
            widths: network.widths().to_vec(),
            activation: network.activation(),
            loss: network.loss(),
            residual: network.is_residual(),
            layer_norm: network.has_layer_norm(),
        }
    }

    /// As it is in files.
    pub(super) fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads what [`Architecture::to_json`] makes.
    pub(super) fn from_json(text: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(text).map_err(|error| format!("tells no architecture: {error}"))
    }

    /// The network.
    ///
    /// # Errors
    /// As [`Network::new`].
    pub fn network(&self) -> Result<Network> {
        let network = Network::new(&self.widths, self.activation, self.loss)?;
        network.with_residual(self.residual).with_layer_norm(self.layer_norm)
    }
}
