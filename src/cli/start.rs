use std::fmt::Debug;
use std::path::PathBuf;

use clap::Args;

use super::output;
use crate::config::Settings;
use crate::data::{Column, Preprocessing};
use crate::memory::check_host_memory;
use crate::model::{Network, Parameters};
use crate::model_file;
use crate::{Error, Result};

/// Initial parameters.
#[derive(Debug, Args)]
pub(super) struct StartFlags {
    /// Start from the parameters in this .safetensors or .npz file
    #[arg(long, help_heading = "Training", value_name = "FILE")]
    pub init: Option<PathBuf>,
}

impl StartFlags {
    /// The parameters in the file, or randomly initialised ones.
    ///
    /// # Errors
    /// [`Error::DoesNotFit`] if the host has too little memory for them, [`Error::File`] for an invalid file.
    pub fn parameters(
        &self,
        network: &Network,
        settings: &Settings,
        preprocessing: &Preprocessing,
    ) -> Result<Parameters> {
        check_host_memory("the parameters", 4 * network.parameter_count())?;
        let Some(path) = &self.init else { return settings.initial_parameters() };
        let parameters = model_file::read_parameters(path, network)?;
        // Weights would belong to other features or outputs.
        let found = model_file::read_preprocessing(path)?.unwrap_or_default();
        let differs = |what: &str, found: &dyn Debug, expected: &dyn Debug| {
            Error::file(
                path,
                format!(
                    "was trained on the {what} {found:?}, and the data has {expected:?}; give data with the same"
                ),
            )
        };
        let both =
            |found: &[String], other: &[String]| !found.is_empty() && !other.is_empty() && found != other;
        if both(&found.classes, &preprocessing.classes) {
            return Err(differs("classes", &found.classes, &preprocessing.classes));
        }
        if both(&found.targets, &preprocessing.targets) {
            return Err(differs("targets", &found.targets, &preprocessing.targets));
        }
        let have_columns = !found.columns.is_empty() && !preprocessing.columns.is_empty();
        if have_columns && found.columns != preprocessing.columns {
            let [found, expected] =
                [&found.columns, &preprocessing.columns].map(|columns| Column::feature_names(columns));
            return Err(differs("features", &found, &expected));
        }
        for (what, differs) in [
            ("features", found.scaling.is_some() && found.scaling != preprocessing.scaling),
            (
                "targets",
                found.target_scaling.is_some() && found.target_scaling != preprocessing.target_scaling,
            ),
        ] {
            if differs {
                let path = path.display();
                output::narrate(&format!(
                    "{path} was trained on {what} of other means and scales than this data has"
                ));
            }
        }
        Ok(parameters)
    }
}
