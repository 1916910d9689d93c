use serde::{Deserialize, Serialize};

use crate::data::FeatureScaling;
use crate::model::{Activation, Loss, Network};
use crate::{Error, Result, Setting};

/// A network without its parameters, as model files tell it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    /// What inputs are made standard with before it reads them, where it was trained on such.
    #[serde(rename = "standard", default, skip_serializing_if = "Option::is_none")]
    pub scaling: Option<FeatureScaling>,
}

impl Architecture {
    /// That of `network`, which reads what `standard` makes of inputs.
    pub fn of(network: &Network, scaling: Option<&FeatureScaling>) -> Self {
        Architecture {
            widths: network.widths().to_vec(),
            activation: network.activation(),
            loss: network.loss(),
            residual: network.is_residual(),
            layer_norm: network.has_layer_norm(),
            scaling: scaling.cloned(),
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
    /// As [`Network::new`], and [`Error::Usage`] where `standard` is not for its features.
    pub fn network(&self) -> Result<Network> {
        let network = Network::new(&self.widths, self.activation, self.loss)?;
        let problem = self.scaling.as_ref().and_then(|scaling| scaling.problem(network.features()));
        if let Some(problem) = problem {
            return Err(Error::usage(Setting::Scaling, problem));
        }
        network.with_residual(self.residual).with_layer_norm(self.layer_norm)
    }
}
