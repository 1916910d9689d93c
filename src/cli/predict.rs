use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use serde_json::json;

use super::choices::choices;
use super::data::DataFlags;
use super::flags::{ArchitectureFlags, count};
use super::output;
use crate::config::{DeviceChoice, Settings};
use crate::data::npz::{self, Elements, Entry};
use crate::data::{Dataset, InferenceData, Targets};
use crate::file;
use crate::model::{Loss, Network};
use crate::model_file::{self, Model};
use crate::report::SCHEMA;
use crate::train::{Found, Machine, Predictor, Scores, predicted_class};
use crate::{Error, Result, Setting};

/// A trained network, and the samples to evaluate it on.
#[derive(Debug, Args)]
pub(super) struct ModelFlags {
    /// Model file that train --save has written, .safetensors or .npz; or another of the same network, with --layers
    #[arg(value_name = "MODEL")]
    model: PathBuf,

    #[command(flatten)]
    data: DataFlags,

    /// For model files that do not describe their network.
    #[command(flatten)]
    network: ArchitectureFlags,

    /// Seed of training, which determines the samples that --validation holds out
    #[arg(long, help_heading = "Data", value_name = "N", default_value_t = Settings::default().optimization.seed, value_parser = count::<u64>, allow_negative_numbers = true)]
    seed: u64,

    /// Samples in a batch
    #[arg(long, help_heading = "Device", value_name = "N", default_value_t = 100, value_parser = count::<usize>, allow_negative_numbers = true)]
    batch: usize,

    /// Device to compute on
    #[arg(long, help_heading = "Device", value_name = "KIND", default_value = DeviceChoice::Auto.name(), value_parser = choices(DeviceChoice::ALL, DeviceChoice::name, DeviceChoice::summary))]
    device: DeviceChoice,
}

#[derive(Debug, Args)]
pub(super) struct EvalArgs {
    #[command(flatten)]
    model: ModelFlags,

    /// Print one JSON object to stdout, and nothing else
    #[arg(long, help_heading = "Output")]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct PredictArgs {
    #[command(flatten)]
    model: ModelFlags,

    /// Write the predictions to this .npz or .csv file
    #[arg(long, help_heading = "Output", value_name = "FILE")]
    out: PathBuf,
}

/// A network on a device, with the samples to evaluate it on.
struct Ready {
    network: Network,
    data: Arc<Dataset>,
    /// `true` if the dataset has targets.
    has_targets: bool,
    predictor: Predictor,
}

impl Ready {
    /// `true` if its predictions are classes: by the targets, or without targets by the loss function.
    fn is_classifier(&self) -> bool {
        if self.has_targets {
            matches!(self.data.test.targets(), Targets::Classes(_))
        } else {
            matches!(self.network.loss(), Loss::CrossEntropy | Loss::BinaryCrossEntropy)
        }
    }
}

impl ModelFlags {
    /// Loads the network and the dataset, and opens the device.
    ///
    /// # Errors
    /// [`Error::File`] if the network is to be `scored` but there are no targets, and those of loading and opening.
    fn ready(&self, scored: bool) -> Result<Ready> {
        let model = if self.network.layers.is_some() {
            let network = self.network.settings(Settings::default().network).build()?;
            model_file::read_as(&self.model, &network)?
        } else {
            model_file::read(&self.model)?
        };
        if self.network.differ_from(&model.network) {
            let path = self.model.display();
            output::narrate(&format!("{path} describes its network; --layers and the like are not used"));
        }
        let Model { network, parameters, scaling } = model;
        let InferenceData { mut data, has_targets } = self.data.load_for_inference(self.seed, &network)?;
        if scored && !has_targets {
            let problem = "has no targets to evaluate on; name them with --y-key, or use ckpt-gpu predict";
            return Err(Error::file(&data.source, problem));
        }
        let (found, expected) = (data.test.features(), network.features());
        if found != expected {
            let problem = format!(
                "has samples of {found} features, expected {expected} for the network in {}",
                self.model.display()
            );
            return Err(Error::file(&data.source, problem));
        }
        if let Some(scaling) = &scaling {
            data = data.standardised(scaling)?;
        }
        let data = Arc::new(data);
        let Found { machine, passed_over } = Machine::find(self.device)?;
        let predictor = Predictor::on(&machine, &network, &parameters, &data, self.batch)?;
        output::narrate(&format!(
            "{} with {} samples on {}",
            self.model.display(),
            data.test.len(),
            output::device(&predictor.device(), passed_over.as_ref())
        ));
        output::refusals(predictor.refusals());
        Ok(Ready { network, data, has_targets, predictor })
    }
}

/// `ckpt-gpu eval`
pub(super) fn eval(args: &EvalArgs) -> Result<()> {
    let Ready { network, data, mut predictor, .. } = args.model.ready(true)?;
    let outputs = predictor.outputs()?;
    check_finite(&args.model.model, &outputs, network.outputs(), 0)?;
    let scores = Scores::of(&network, &outputs, data.test.targets());
    let (planned, counted) = (predictor.planned(), predictor.counted());
    if !args.json {
        return output::result(&words(&scores));
    }
    let figures = match &scores {
        Scores::Classes { confusion } => json!({ "accuracy": scores.accuracy(), "confusion": confusion }),
        Scores::Values { mse, mae, r2 } => json!({ "mse": mse, "rmse": mse.sqrt(), "mae": mae, "r2": r2 }),
    };
    output::result_json(&json!({
        "event": "eval",
        "schema": SCHEMA,
        "samples": outputs.len() / network.outputs(),
        "scores": figures,
        "planned_peak_bytes": planned.total(),
        "counted_peak_bytes": counted.total(),
    }))
}

/// Checks the outputs of samples, the first of which has number `first`.
///
/// # Errors
/// [`Error::File`] about the `model` if one is NaN or infinite: no class and no score follows from it.
fn check_finite(model: &Path, outputs: &[f32], width: usize, first: usize) -> Result<()> {
    let Some(at) = outputs.iter().position(|output| !output.is_finite()) else { return Ok(()) };
    let problem = format!(
        "output {} of sample {} is {}; scale its inputs as in training, or the network overflows on them",
        at % width,
        first + at / width,
        outputs[at]
    );
    Err(Error::file(model, problem))
}

fn words(scores: &Scores) -> String {
    let confusion = match scores {
        Scores::Values { mse, mae, r2 } => {
            let r2 = r2.map_or("undefined, as the targets do not vary".to_owned(), |r2| format!("{r2:.6}"));
            return format!("rmse {:.6}, mae {mae:.6}, r2 {r2}", mse.sqrt());
        }
        Scores::Classes { confusion } => confusion,
    };
    let mut text = format!("accuracy {:.4}\n\n", scores.accuracy().unwrap_or(0.0));
    text.push_str("class  precision  recall  predicted as, one column a class\n");
    for (class, row) in confusion.iter().enumerate() {
        let share = |of: u64| if of == 0 { 0.0 } else { row[class] as f64 / of as f64 };
        let predicted: u64 = confusion.iter().map(|row| row[class]).sum();
        let counts: Vec<_> = row.iter().map(|count| format!("{count:>6}")).collect();
        let (precision, recall) = (share(predicted), share(row.iter().sum()));
        text.push_str(&format!("{class:>5}  {precision:>9.4}  {recall:>6.4}  {}\n", counts.concat()));
    }
    text
}

/// `ckpt-gpu predict`
pub(super) fn predict(args: &PredictArgs) -> Result<()> {
    let is_csv =
        match args.out.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase().as_str() {
            "csv" => true,
            "npz" => false,
            _ => return Err(Error::file(&args.out, "expected a name that ends in .csv or .npz")),
        };
    file::check_writable(&args.out)?;
    file::check_apart(
        &[(Setting::Model, &args.model.model), (Setting::Data, &args.model.data.path)],
        &[(Setting::Out, &args.out)],
    )?;
    let mut ready = args.model.ready(false)?;
    let model = &args.model.model;
    let samples =
        if is_csv { to_csv(&args.out, model, &mut ready)? } else { to_npz(&args.out, model, &mut ready)? };
    output::narrate(&format!("{samples} predictions written to {}", args.out.display()));
    Ok(())
}

fn to_npz(path: &Path, model: &Path, ready: &mut Ready) -> Result<usize> {
    let is_classifier = ready.is_classifier();
    let Ready { network, predictor, .. } = ready;
    let (mut outputs, mut classes) = (Vec::new(), Vec::new());
    predictor.predict(|rows| {
        check_finite(model, rows, network.outputs(), classes.len())?;
        outputs.extend_from_slice(rows);
        let predicted = rows.chunks_exact(network.outputs()).map(|row| predicted_class(network.loss(), row));
        classes.extend(predicted.map(|class| class as i64));
        Ok(())
    })?;
    let samples = classes.len();
    let mut entries = vec![Entry {
        key: "outputs".to_owned(),
        shape: vec![samples, network.outputs()],
        values: (&outputs).into(),
    }];
    if is_classifier {
        entries.push(Entry {
            key: "classes".to_owned(),
            shape: vec![samples],
            values: Elements::I64(&classes),
        });
    }
    npz::write(path, &entries)?;
    Ok(samples)
}

/// Writes row by row, so that predictions need not fit into memory.
fn to_csv(path: &Path, model: &Path, ready: &mut Ready) -> Result<usize> {
    let is_classifier = ready.is_classifier();
    let Ready { network, predictor, .. } = ready;
    let mut samples = 0;
    let mut lost = None;
    file::replace(path, |file: &mut fs::File| {
        let mut file = std::io::BufWriter::new(file);
        let mut names: Vec<_> = (0..network.outputs()).map(|output| format!("output{output}")).collect();
        names.extend(is_classifier.then(|| "class".to_owned()));
        let mut write = |line: String| writeln!(file, "{line}").map_err(|error| error.to_string());
        write(names.join(","))?;
        let predicted = predictor.predict(|rows| {
            check_finite(model, rows, network.outputs(), samples)?;
            for row in rows.chunks_exact(network.outputs()) {
                let mut cells: Vec<_> = row.iter().map(f32::to_string).collect();
                cells.extend(is_classifier.then(|| predicted_class(network.loss(), row).to_string()));
                write(cells.join(",")).map_err(|problem| Error::file(path, problem))?;
                samples += 1;
            }
            Ok(())
        });
        if let Err(error) = predicted {
            let problem = error.to_string();
            lost = Some(error);
            return Err(problem);
        }
        file.flush().map_err(|error| error.to_string())
    })
    .map_err(|error| lost.unwrap_or(error))?;
    Ok(samples)
}
