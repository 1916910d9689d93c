//! Learns a column of a table from the others, saves the network, loads it again and asks it.
//!
//! The table is Friedman #1 (Friedman 1991; scikit-learn's `make_friedman1`): ten features from 0 to 1, of which five count,
//! and noise of deviation 1:
//!
//! `y = 10 sin(π x₀ x₁) + 20 (x₂ − ½)² + 10 x₃ + 5 x₄ + noise`
//!
//! Nothing explains the noise, so what the formula itself scores is a ceiling for R². A linear model, which is a network of
//! one layer, is the baseline.
//!
//! ```console
//! $ cargo run --release --example tabular_regression
//! ...
//!    predicted  without noise
//!        18.73          18.19
//!        11.63          11.65
//!        18.90          19.25
//!
//! R²: linear 0.7404, deep 0.9479, the formula 0.9563
//! ```
//!
//! That took 0.3 s on 2 CPU cores.

use std::f32::consts::PI;
use std::path::PathBuf;
use std::sync::Arc;

use ckpt_gpu::Result;
use ckpt_gpu::config::{DeviceChoice, NetworkSettings, Optimization, Settings, Widths};
use ckpt_gpu::data::{Dataset, FeatureScaling, HeldOut, Inputs, Preprocessing, Split, Targets};
use ckpt_gpu::model::{Activation, Decay, Loss, Network, Optimizer, Parameters, Schedule, UpdateRule};
use ckpt_gpu::model_file::{self, Model};
use ckpt_gpu::train::{Machine, Predictor, Scores, Trainer};
use clap::Parser;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

const FEATURES: usize = 10;

/// About the mean and the deviation of `y`; networks learn `(y − MEAN) / DEVIATION`.
const MEAN: f32 = 14.4;
const DEVIATION: f32 = 5.0;

#[derive(Parser)]
pub struct Args {
    #[arg(long, default_value_t = 5000)]
    rows: usize,
    #[arg(long, default_value_t = 60)]
    epochs: usize,
    /// Where to train
    #[arg(long, default_value = "auto")]
    device: DeviceChoice,
    /// Where the network is saved, as .safetensors; the system's folder for temporary files unless named
    #[arg(long)]
    save: Option<PathBuf>,
}

/// R² on the rows that were held back.
pub struct Found {
    pub linear: f64,
    pub deep: f64,
    pub ceiling: f64,
}

fn main() -> Result<()> {
    run(&Args::parse()).map(|_| ())
}

pub fn run(args: &Args) -> Result<Found> {
    let HeldOut { train, test: held_back } = friedman(args.rows, 0)?.hold_out(0.2, 0)?;
    let scaling = FeatureScaling::of(&train);
    let data = Arc::new(Dataset::in_memory(train, held_back.clone())?.standardised(&scaling)?);
    let machine = Machine::find(args.device)?.machine;
    println!("{} rows to train on, {} held back", data.train.len(), data.test.len());

    let linear = fit(&machine, &data, vec![FEATURES, 1], args.epochs)?;
    let deep = fit(&machine, &data, [vec![FEATURES], vec![32; 6], vec![1]].concat(), args.epochs)?;

    // The file tells the architecture and what inputs are made standard with, too, so whoever reads it needs no settings.
    let path = args.save.clone().unwrap_or_else(|| std::env::temp_dir().join("friedman.safetensors"));
    let preprocessing = Preprocessing { scaling: Some(scaling), ..Preprocessing::default() };
    let model = Model { network: deep.0, parameters: deep.1, preprocessing };
    model_file::write(&path, &model)?;
    let loaded = model_file::read(&path)?;
    assert_eq!(loaded, model, "the file holds another network");
    println!("saved to {} and loaded again\n", path.display());

    let answers = |network: &Network, parameters: &Parameters| {
        Predictor::on(&machine, network, &mut parameters.clone(), &data, 100)?.outputs()
    };
    let r2 =
        |outputs: &[f32]| Scores::of(&loaded.network, outputs, data.test.targets()).r2().unwrap_or(f64::NAN);
    let truth: Vec<f32> = rows(&held_back).map(|x| scaled(formula(x))).collect();
    let predicted = answers(&loaded.network, &loaded.parameters)?;
    println!("   predicted  without noise");
    for (predicted, truth) in predicted.iter().zip(&truth).take(3) {
        println!("{:>12.2}  {:>13.2}", MEAN + DEVIATION * predicted, MEAN + DEVIATION * truth);
    }
    let found =
        Found { linear: r2(&answers(&linear.0, &linear.1)?), deep: r2(&predicted), ceiling: r2(&truth) };
    println!("\nR²: linear {:.4}, deep {:.4}, the formula {:.4}", found.linear, found.deep, found.ceiling);
    Ok(found)
}

fn fit(
    machine: &Machine,
    data: &Arc<Dataset>,
    layers: Vec<usize>,
    epochs: usize,
) -> Result<(Network, Parameters)> {
    let settings = Settings {
        network: NetworkSettings {
            layers: Widths(layers),
            activation: Activation::Silu,
            loss: Loss::Huber,
            ..NetworkSettings::default()
        },
        optimization: Optimization {
            rule: UpdateRule::of(Optimizer::Adamw),
            lr: 0.003,
            schedule: Schedule { decay: Decay::Cosine, warm_up: 100, ..Schedule::default() },
            epochs,
            ..Optimization::default()
        },
        ..Settings::default()
    };
    let start = settings.initial_parameters()?;
    let mut trainer = Trainer::on(machine, &settings, data, &start)?;
    println!("\n{}: {} parameters", settings.network.layers, trainer.network().parameter_count());
    let every = trainer.total_steps().div_ceil(4);
    trainer.train_to_end(every, |step, loss| println!("step {step:>5}: loss {loss:.5}"))?;
    Ok((trainer.network().clone(), trainer.parameters()?))
}

/// What is known of `y`, and no network is told.
fn formula(x: &[f32]) -> f32 {
    10.0 * (PI * x[0] * x[1]).sin() + 20.0 * (x[2] - 0.5).powi(2) + 10.0 * x[3] + 5.0 * x[4]
}

fn scaled(y: f32) -> f32 {
    (y - MEAN) / DEVIATION
}

fn friedman(samples: usize, seed: u64) -> Result<Split> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let inputs: Vec<f32> = (0..samples * FEATURES).map(|_| random.random()).collect();
    let noise = StandardNormal.sample_iter(&mut random);
    let noisy = inputs.chunks(FEATURES).zip(noise).map(|(x, noise): (_, f32)| scaled(formula(x) + noise));
    let targets = Targets::Regression { width: 1, values: noisy.collect() };
    Split::new(FEATURES, Inputs::F32(inputs), targets)
}

fn rows(split: &Split) -> impl Iterator<Item = &[f32]> {
    let values: &[f32] = match split.inputs() {
        Inputs::F32(values) => values,
        Inputs::U8(_) | Inputs::Mapped(_) => &[],
    };
    values.chunks(FEATURES)
}
