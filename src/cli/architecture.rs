use std::path::Path;
use std::str::FromStr;

use clap::Args;

use super::choices::choices;
use super::output;
use crate::config::{NetworkSettings, Settings, Widths};
use crate::model::{Activation, Loss, Network, Normalisation, by_name};
use crate::model_file::{self, Model};
use crate::{Error, Result, Setting};

/// The architecture of a network.
#[derive(Debug, Args)]
#[command(next_help_heading = "Network")]
pub(super) struct ArchitectureFlags {
    /// Width of every state, input first; 64x50 means fifty layers of width 64 [default: those of --hidden between those of the data]
    #[arg(long, value_name = "WIDTHS")]
    pub layers: Option<Widths>,

    /// Activation function of the hidden layers [default: relu]
    #[arg(long, value_name = "NAME", value_parser = choices(Activation::ALL, Activation::name, Activation::summary))]
    activation: Option<Activation>,

    /// Add each hidden layer's input to its output where their widths are equal [default: true]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    residual: Option<bool>,

    /// Normalise the input of every layer but the first, per sample
    #[arg(long, value_name = "HOW", num_args = 0..=1, default_value = "false", default_missing_value = "true", require_equals = true, hide_default_value = true, value_parser = choices(Norm::ALL, Norm::name, Norm::summary))]
    layer_norm: Norm,

    /// Divide the input of every layer but the first by its root mean square, per sample
    #[arg(long, value_name = "HOW", num_args = 0..=1, default_value = "false", default_missing_value = "true", require_equals = true, hide_default_value = true, value_parser = choices(Norm::ALL, Norm::name, Norm::summary))]
    rms_norm: Norm,

    /// Loss function [default: cross-entropy]
    #[arg(long, value_name = "NAME", value_parser = choices(Loss::ALL, Loss::name, Loss::summary))]
    loss: Option<Loss>,
}

/// Whether layers normalise, and with trained numbers or without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Norm {
    Trained,
    Plain,
    Off,
}

impl Norm {
    const ALL: [Norm; 3] = [Norm::Trained, Norm::Plain, Norm::Off];

    fn name(self) -> &'static str {
        match self {
            Norm::Trained => "true",
            Norm::Plain => "plain",
            Norm::Off => "false",
        }
    }

    fn summary(self) -> &'static str {
        match self {
            Norm::Trained => "With trained parameters",
            Norm::Plain => "Without trained parameters",
            Norm::Off => "No normalisation",
        }
    }
}

impl FromStr for Norm {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        by_name(&Self::ALL, Self::name, name)
    }
}

impl ArchitectureFlags {
    /// Normalisation that the flags ask for.
    ///
    /// # Errors
    /// [`Error::Usage`] if they ask for two.
    fn normalisation(&self) -> Result<Option<Normalisation>> {
        Ok(match (self.layer_norm, self.rms_norm) {
            (Norm::Off, Norm::Off) => None,
            (Norm::Trained, Norm::Off) => Some(Normalisation::Layer),
            (Norm::Plain, Norm::Off) => Some(Normalisation::PlainLayer),
            (Norm::Off, Norm::Trained) => Some(Normalisation::Rms),
            (Norm::Off, Norm::Plain) => Some(Normalisation::PlainRms),
            _ => {
                let problem = format!(
                    "found beside {}, expected one of the two; add {} if a file has the other",
                    Setting::LayerNorm,
                    Setting::LayerNorm.with(false)
                );
                return Err(Error::usage(Setting::RmsNorm, problem));
            }
        })
    }

    /// `base` with what these flags give.
    ///
    /// # Errors
    /// As [`ArchitectureFlags::normalisation`].
    pub fn settings(&self, base: NetworkSettings) -> Result<NetworkSettings> {
        Ok(NetworkSettings {
            layers: self.layers.clone().unwrap_or(base.layers),
            activation: self.activation.unwrap_or(base.activation),
            residual: self.residual.unwrap_or(base.residual),
            normalisation: self.normalisation()?,
            loss: self.loss.unwrap_or(base.loss),
            ..base
        })
    }

    /// The model in the file at `path`, which these flags describe if the file does not.
    ///
    /// # Errors
    /// As [`model_file::read`], and [`crate::Error::Usage`] for flags of no network.
    pub fn read(&self, path: &Path) -> Result<Model> {
        let model = if self.layers.is_some() {
            let network = self.settings(Settings::default().network)?.build()?;
            model_file::read_as(path, &network)?
        } else {
            model_file::read(path)?
        };
        if self.differ_from(&model.network)? {
            let path = path.display();
            output::narrate(&format!("{path} describes its network; --layers and the like are not used"));
        }
        Ok(model)
    }

    /// `true` if any flag that is given describes another network.
    fn differ_from(&self, network: &Network) -> Result<bool> {
        let normalisation = self.normalisation()?;
        Ok(self.layers.as_ref().is_some_and(|layers| layers.0 != network.widths())
            || self.activation.is_some_and(|activation| activation != network.activation())
            || self.residual.is_some_and(|residual| residual != network.is_residual())
            || (normalisation.is_some() && normalisation != network.normalisation())
            || self.loss.is_some_and(|loss| loss != network.loss()))
    }
}
