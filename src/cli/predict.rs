use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use clap::builder::{OsStringValueParser, TypedValueParser};
use serde_json::json;

use super::architecture::ArchitectureFlags;
use super::choices::{choices, count, named};
use super::data::DataFlags;
use super::output;
use super::outputs;
use super::scoring::{self, check_finite};
use crate::config::{DeviceChoice, Settings};
use crate::data::npz::{self, Elements, Entry};
use crate::data::{Dataset, EvaluatedOn, InferenceData, Preprocessing, TargetKind};
use crate::file;
use crate::model::{Loss, Network};
use crate::model_file::Model;
use crate::report::{Content, EvaluationSummary, Origin, Report, ReportFile, SCHEMA};
use crate::train::{Found, Machine, Predictor, SplitScores, has_probabilities, probabilities};
use crate::words::counted;
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

    #[arg(long, help = format!("Write a report of the scores to FILE: {}; may be repeated", ReportFile::evaluation_formats()), help_heading = "Output", value_name = "FILE", value_parser = OsStringValueParser::new().try_map(ReportFile::of_evaluation))]
    report: Vec<ReportFile>,

    /// Print one JSON object to stdout, and nothing else
    #[arg(long, help_heading = "Output")]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct PredictArgs {
    #[command(flatten)]
    model: ModelFlags,

    /// Write the predictions to this .npz or .csv file
    #[arg(long, help_heading = "Output", value_name = "FILE", value_parser = named(&["csv", "npz"]))]
    out: PathBuf,

    /// Write the probability of each class, too: softmax or sigmoid of the outputs
    #[arg(long, help_heading = "Output")]
    probabilities: bool,
}

/// A network on a device, with the samples to evaluate it on.
struct Ready {
    network: Network,
    preprocessing: Preprocessing,
    data: Arc<Dataset>,
    /// The split of the data that the samples are; `None` for all of it.
    of: Option<EvaluatedOn>,
    predictor: Predictor,
}

impl Ready {
    /// `true` if its predictions are classes: by its training targets, or in older files by the loss function.
    fn is_classifier(&self) -> bool {
        match self.preprocessing.target_kind {
            Some(kind) => kind == TargetKind::Classes || self.network.loss() == Loss::CrossEntropy,
            None => match self.network.loss() {
                Loss::CrossEntropy => true,
                Loss::BinaryCrossEntropy => self.network.outputs() == 1,
                _ => !self.preprocessing.classes.is_empty(),
            },
        }
    }

    /// Names of the outputs: of the columns that they predict, if they have names.
    fn output_names(&self) -> Vec<String> {
        let outputs = self.network.outputs();
        if self.is_classifier() {
            return Preprocessing::default().output_names(outputs);
        }
        self.preprocessing.output_names(outputs)
    }

    /// Passes each sample's outputs, in the units of the targets, and predicted class to `take`, in order.
    ///
    /// # Errors
    /// Those of prediction and of `take`, and [`Error::File`] about the `model` for an output that is NaN or infinite.
    fn each_sample(&mut self, model: &Path, mut take: impl FnMut(&[f32], usize) -> Result<()>) -> Result<()> {
        let (width, loss) = (self.network.outputs(), self.network.loss());
        let mut samples = 0;
        self.predictor.predict(|rows| {
            let mut rows = rows.to_vec();
            self.preprocessing.scale_back(&mut rows);
            check_finite(model, &rows, width, samples)?;
            samples += rows.len() / width;
            rows.chunks_exact(width).try_for_each(|row| take(row, loss.predicted_class(row)))
        })
    }
}

impl ModelFlags {
    /// Loads the network and the dataset, and opens the device.
    ///
    /// # Errors
    /// [`Error::File`] if the network is to be `scored` but there are no targets, and those of loading and opening.
    fn ready(&self, scored: bool) -> Result<Ready> {
        let Model { network, mut parameters, preprocessing } = self.network.read(&self.model)?;
        let InferenceData { data, of, .. } =
            self.data.load_for_inference(self.seed, &network, &preprocessing, scored)?;
        let data = Arc::new(data);
        let Found { machine, passed_over } = Machine::find(self.device)?;
        let predictor = Predictor::on(&machine, &network, &mut parameters, &data, self.batch)?;
        let samples = counted(data.test.len(), "sample");
        let samples = match of {
            Some(on) => format!("{samples} of the {} split", on.name()),
            None => format!("all {samples}"),
        };
        output::narrate(&format!(
            "{} with {samples} on {}",
            self.model.display(),
            output::device(&predictor.device(), passed_over.as_ref())
        ));
        output::refusals(predictor.refusals());
        Ok(Ready { network, preprocessing, data, of, predictor })
    }
}

/// `ckpt-gpu eval`
pub(super) fn eval(args: &EvalArgs) -> Result<()> {
    let ModelFlags { model, data: flags, seed, batch, .. } = &args.model;
    let written: Vec<_> = args.report.iter().map(|report| (Setting::Report, report.path())).collect();
    outputs::check_outputs(&[(Setting::Model, model), (Setting::Data, &flags.path)], &written)?;
    let Ready { network, preprocessing, data, of, mut predictor } = args.model.ready(true)?;
    let mut outputs = predictor.outputs()?;
    preprocessing.scale_back(&mut outputs);
    check_finite(model, &outputs, network.outputs(), 0)?;
    let result = SplitScores::of(&network, &preprocessing, &outputs, data.test.targets(), of)?;
    let (planned, counted) = (predictor.planned(), predictor.counted());
    let told = if args.json {
        output::result_json(&json!({
            "event": "eval",
            "schema": SCHEMA,
            "samples": result.samples,
            "evaluated_on": of.map(EvaluatedOn::name),
            "scores": result.scores,
            "classes": preprocessing.classes,
            "planned_peak_bytes": planned.total(),
            "counted_peak_bytes": counted.total(),
        }))
    } else {
        output::result(&scoring::text(&result))
    };
    let (device, validation) = (predictor.device(), flags.validation);
    let summary =
        EvaluationSummary { network: &network, device: &device, planned, counted: &counted, result: &result };
    let report = Report {
        origin: Origin::Evaluation { model, data: &flags.path, validation, seed: *seed, batch: *batch },
        content: Content::Evaluation(&summary),
    };
    output::first_error([told, output::write_reports(&args.report, &report)])
}

/// `ckpt-gpu predict`
pub(super) fn predict(args: &PredictArgs) -> Result<()> {
    let is_csv = args.out.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("csv"));
    outputs::check_outputs(
        &[(Setting::Model, &args.model.model), (Setting::Data, &args.model.data.path)],
        &[(Setting::Out, &args.out)],
    )?;
    let mut ready = args.model.ready(false)?;
    let loss = ready.network.loss();
    if args.probabilities && !has_probabilities(loss) {
        let problem = format!(
            "was trained with {} loss, whose outputs are no logits of probabilities; leave out --probabilities",
            loss.name()
        );
        return Err(Error::file(&args.model.model, problem));
    }
    let write = if is_csv { to_csv } else { to_npz };
    let samples = write(&args.out, &args.model.model, &mut ready, args.probabilities)?;
    output::narrate(&format!("{} written to {}", counted(samples, "prediction"), args.out.display()));
    Ok(())
}

fn to_npz(path: &Path, model: &Path, ready: &mut Ready, with_probabilities: bool) -> Result<usize> {
    let is_classifier = ready.is_classifier();
    let (network, width) = (ready.network.clone(), ready.network.outputs());
    let (mut outputs, mut classes) = (Vec::new(), Vec::new());
    ready.each_sample(model, |row, class| {
        outputs.extend_from_slice(row);
        classes.push(class as i64);
        Ok(())
    })?;
    let samples = classes.len();
    let mut entries =
        vec![Entry { key: "outputs".to_owned(), shape: vec![samples, width], values: (&outputs).into() }];
    let rows = outputs.chunks_exact(width).filter(|_| with_probabilities);
    let probabilities: Vec<f32> = rows.flat_map(|row| probabilities(network.loss(), row)).collect();
    if with_probabilities {
        entries.push(Entry {
            key: "probabilities".to_owned(),
            shape: vec![samples, probabilities.len() / samples],
            values: (&probabilities).into(),
        });
    }
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
fn to_csv(path: &Path, model: &Path, ready: &mut Ready, with_probabilities: bool) -> Result<usize> {
    let is_classifier = ready.is_classifier();
    let (network, preprocessing) = (ready.network.clone(), ready.preprocessing.clone());
    let mut samples = 0;
    let mut lost = None;
    file::replace(path, |file: &mut fs::File| {
        let mut file = csv::Writer::from_writer(std::io::BufWriter::new(file));
        let mut names = ready.output_names();
        if with_probabilities {
            let classes = 0..if network.loss() == Loss::BinaryCrossEntropy {
                network.outputs().max(2)
            } else {
                network.outputs()
            };
            names.extend(classes.map(|class| format!("probability of {}", preprocessing.class_name(class))));
        }
        names.extend(is_classifier.then(|| "class".to_owned()));
        file.write_record(&names).map_err(|error| error.to_string())?;
        let predicted = ready.each_sample(model, |row, class| {
            let mut cells: Vec<_> = row.iter().map(f32::to_string).collect();
            if with_probabilities {
                cells.extend(probabilities(network.loss(), row).iter().map(f32::to_string));
            }
            cells.extend(is_classifier.then(|| preprocessing.class_name(class)));
            samples += 1;
            file.write_record(&cells).map_err(|error| Error::file(path, error.to_string()))
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
