use serde::{Deserialize, Serialize};

use crate::data::Preprocessing;
use crate::model::{Activation, Loss, Network, Normalisation};
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
    /// Normalisation of the input of every layer but the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normalisation: Option<Normalisation>,
    /// In files of earlier versions, `true` for [`Normalisation::PlainLayer`].
    #[serde(default, skip_serializing)]
    layer_norm: bool,
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
            normalisation: network.normalisation(),
            layer_norm: false,
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
        let mut architecture: Self = serde_json::from_slice(text)
            .map_err(|error| format!("has a malformed architecture: {}", problem(error)))?;
        if std::mem::take(&mut architecture.layer_norm) {
            architecture.normalisation.get_or_insert(Normalisation::PlainLayer);
        }
        Ok(architecture)
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
        network.with_residual(self.residual).with_normalisation(self.normalisation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layer_norm_of_earlier_versions_has_no_gain() {
        let read = |more: &str| {
            let text =
                format!(r#"{{"widths":[2,2,1],"activation":"relu","loss":"mse","residual":false{more}}}"#);
            Architecture::from_json(text.as_bytes()).unwrap().network().unwrap().normalisation()
        };
        assert_eq!(read(""), None);
        assert_eq!(read(r#","layer_norm":false"#), None);
        assert_eq!(read(r#","layer_norm":true"#), Some(Normalisation::PlainLayer));
        for normalisation in Normalisation::ALL {
            let name = normalisation.name();
            assert_eq!(read(&format!(r#","normalisation":"{name}""#)), Some(normalisation));
        }
    }

    #[test]
    fn missing_fields_are_not_taken_for_settings() {
        let problem = Architecture::from_json(br#"{"widths":[2,1],"activation":"relu"}"#).unwrap_err();
        assert!(problem.contains("missing field 'loss'") && !problem.contains('`'), "{problem}");
    }
}
