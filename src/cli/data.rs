use std::path::PathBuf;

use clap::Args;

use super::output;
use crate::Result;
use crate::config::DEFAULT_DATA;
use crate::data::{Dataset, InferenceData, Inputs, LoadOptions};

/// What is learnt from.
#[derive(Debug, Args)]
#[command(next_help_heading = "Data")]
pub(super) struct DataFlags {
    /// An npz with x_train, y_train, x_test and y_test, or other usual names; a folder of npy files of these names; or one of
    /// IDX files, gzipped or not; or made up: synthetic:blobs, synthetic:spirals or synthetic:sines, with ,key=value
    #[arg(long = "data", value_name = "PATH", default_value = DEFAULT_DATA)]
    pub path: PathBuf,

    /// The array of inputs in the npz or folder, where it has another name than the usual ones
    #[arg(long, value_name = "NAME")]
    x_key: Option<String>,

    /// The array of targets
    #[arg(long, value_name = "NAME")]
    y_key: Option<String>,

    /// Hold this share of the training samples back and score these, not the test samples; training takes 0.1 where there are
    /// none of these
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true)]
    validation: Option<f64>,

    /// Leave inputs in their file and read them as they are needed, not only where they would take more than a quarter of the
    /// host's memory: uncompressed arrays of uint8 or float32
    #[arg(long)]
    map_data: bool,
}

impl DataFlags {
    /// What is trained on and scored; `seed` decides which samples are held back.
    ///
    /// # Errors
    /// As [`Dataset::load_with`].
    pub fn load(&self, seed: u64) -> Result<Dataset> {
        let data = Dataset::load_with(&self.path, &self.options(seed))?;
        tell_mapped(&data);
        Ok(data)
    }

    /// Samples to evaluate a trained network on.
    ///
    /// # Errors
    /// As [`Dataset::load_for_inference`].
    pub fn load_for_inference(&self, seed: u64) -> Result<InferenceData> {
        let loaded = Dataset::load_for_inference(&self.path, &self.options(seed))?;
        tell_mapped(&loaded.data);
        Ok(loaded)
    }

    fn options(&self, seed: u64) -> LoadOptions {
        LoadOptions {
            x_key: self.x_key.clone(),
            y_key: self.y_key.clone(),
            validation: self.validation,
            seed,
            map_data: self.map_data,
        }
    }
}

fn tell_mapped(data: &Dataset) {
    if [&data.train, &data.test].iter().any(|split| matches!(split.inputs(), Inputs::Mapped(_))) {
        let path = data.source.display();
        output::narrate(&format!("{path} is read as it is needed, and must not be changed meanwhile"));
    }
}
