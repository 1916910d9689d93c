use std::path::PathBuf;

use clap::Args;

use super::choices::choices;
use super::output;
use crate::Result;
use crate::config::DEFAULT_DATA;
use crate::data::{Dataset, InferenceData, Inputs, LoadOptions, LoadedData, TargetKind};
use crate::model::{Loss, Network};

/// The dataset.
#[derive(Debug, Args)]
#[command(next_help_heading = "Data")]
pub(super) struct DataFlags {
    /// Dataset: an .npz or a directory of .npy files with x_train, y_train, x_test and y_test (or other usual
    /// names), a directory of IDX files, or synthetic:NAME[,key=value…] with blobs, spirals or sines
    #[arg(long = "data", value_name = "PATH", default_value = DEFAULT_DATA)]
    pub path: PathBuf,

    /// Name of the input array, if not one of the usual names
    #[arg(long, value_name = "NAME")]
    x_key: Option<String>,

    /// Name of the target array, if not one of the usual names
    #[arg(long, value_name = "NAME")]
    y_key: Option<String>,

    /// Name of the array of test inputs, to go with --x-key and --y-key
    #[arg(long, value_name = "NAME")]
    x_test_key: Option<String>,

    /// Name of the array of test targets
    #[arg(long, value_name = "NAME")]
    y_test_key: Option<String>,

    /// What targets are [default: by --loss and the number of outputs]
    #[arg(long, value_name = "KIND", value_parser = choices(TargetKind::ALL, TargetKind::name, TargetKind::summary))]
    targets: Option<TargetKind>,

    /// Share of the training samples to hold out and evaluate on, in place of the test split; 0 trains on all
    /// [default: 0.1 if there is no test split]
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true)]
    validation: Option<f64>,

    /// Memory-map inputs (uncompressed uint8 or float32); by default only arrays larger than a quarter of
    /// available host memory
    #[arg(long)]
    map_data: bool,
}

impl DataFlags {
    /// The dataset for a network with this loss function and so many outputs; `seed` determines the held-out samples.
    ///
    /// # Errors
    /// As [`Dataset::load_with`].
    pub fn load(&self, seed: u64, loss: Loss, outputs: usize) -> Result<Dataset> {
        let LoadedData { data, notes } =
            Dataset::load_noting(&self.path, &self.options(seed, loss, outputs))?;
        notes.iter().for_each(|note| output::narrate(note));
        tell_mapped(&data);
        Ok(data)
    }

    /// Samples to evaluate a trained network on.
    ///
    /// # Errors
    /// As [`Dataset::load_for_inference`].
    pub fn load_for_inference(&self, seed: u64, network: &Network) -> Result<InferenceData> {
        let options = self.options(seed, network.loss(), network.outputs());
        let loaded = Dataset::load_for_inference(&self.path, &options)?;
        tell_mapped(&loaded.data);
        Ok(loaded)
    }

    fn options(&self, seed: u64, loss: Loss, outputs: usize) -> LoadOptions {
        LoadOptions {
            x_test_key: self.x_test_key.clone(),
            y_test_key: self.y_test_key.clone(),
            targets: self.targets.unwrap_or(TargetKind::of(loss, outputs)),
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
        output::narrate(&format!(
            "{path} is mapped, read as it is needed, and must not be changed while it is in use"
        ));
    }
}
