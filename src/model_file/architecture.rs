use serde::{Deserialize, Serialize};

use crate::data::Preprocessing;
use crate::model::{Activation, Loss, Network};
use crate::{Error, Result, Setting};

/// Architecture of a network, as model files hold it in JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Architecture {
    /// Widths of the states, input first.
    pub widths: Vec<usize>,
    /// Activation function.
    pub activation: Activation,
    /// Loss function that it was trained with.
    pub loss: Loss,
    /// `true` if hidden layers add their input to their output.
    pub residual: bool,
    /// `true` if layers except the first normalise their input per sample. Absent in older files.
    #[serde(default)]
    pub layer_norm: bool,
    /// Preprocessing of its inputs and targets.
    #[serde(flatten)]
    pub preprocessing: Preprocessing,
}

impl Architecture {
    /// Architecture of `network` with `preprocessing` of its inputs.
    pub fn of(network: &Network, preprocessing: &Preprocessing) -> Self {
        Architecture {
            widths: network.widths().to_vec(),
            activation: network.activation(),
            loss: network.loss(),
            residual: network.is_residual(),
            layer_norm: network.has_layer_norm(),
            preprocessing: preprocessing.clone(),
        }
    }

    /// JSON as in files.
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Parses [`Architecture::to_json`].
    pub(crate) fn from_json(text: &[u8]) -> Result<Self, String> {
        // serde quotes field names as messages quote settings.
        let problem = |error: serde_json::Error| error.to_string().replace('`', "'");
        serde_json::from_slice(text)
            .map_err(|error| format!("has a malformed architecture: {}", problem(error)))
    }

    /// The network that it describes.
    ///
    /// # Errors
    /// As [`Network::new`], and [`Error::Usage`] if the preprocessing is of another network.
    pub fn network(&self) -> Result<Network> {
        let network = Network::new(&self.widths, self.activation, self.loss)?;
        if let Some(problem) = self.preprocessing.problem(&network) {
            return Err(Error::usage(Setting::Preprocessing, problem));
        }
        network.with_residual(self.residual).with_layer_norm(self.layer_norm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_fields_are_not_taken_for_settings() {
        let problem = Architecture::from_json(br#"{"widths":[2,1],"activation":"relu"}"#).unwrap_err();
        assert!(problem.contains("missing field 'loss'") && !problem.contains('`'), "{problem}");
    }
}
