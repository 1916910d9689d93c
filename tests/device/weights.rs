//! Final parameters of recorded runs: every activation, loss function, optimizer and schedule on the CPU, and some on
//! software Vulkan.
//!
//! On the CPU, bits depend on the number of threads and the system's mathematical functions, on a GPU on the driver. On the
//! platform that `weights.json` names, hashes must be equal; elsewhere, the final losses must agree. `UPDATE_WEIGHTS=1` records
//! the runs of a device anew.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::common::changed;
use crate::devices;
use ckpt_gpu::config::{DeviceChoice, Settings, Widths};
use ckpt_gpu::data::{Dataset, LoadOptions};
use ckpt_gpu::model::{Activation, Decay, Loss, Normalisation, Optimizer, UpdateRule};
use ckpt_gpu::strategy::Strategy;
use ckpt_gpu::train::{Machine, Trainer};

const LOSS_TOLERANCE: f32 = 1e-3;

#[derive(serde::Serialize, serde::Deserialize)]
struct Recorded {
    recorded_on: BTreeMap<String, String>,
    runs: Vec<Run>,
}

#[derive(serde::Serialize, serde::Deserialize, Debug)]
struct Run {
    device: String,
    data: String,
    widths: Vec<usize>,
    activation: Activation,
    residual: bool,
    normalisation: Option<Normalisation>,
    loss: Loss,
    optimizer: Optimizer,
    lr: f32,
    weight_decay: f32,
    clip_norm: Option<f32>,
    schedule: Decay,
    warm_up: u64,
    every: usize,
    micro_batch: usize,
    final_loss: f32,
    weights_sha256: String,
}

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/device/weights.json");

impl Recorded {
    /// A line for each run.
    fn text(&self) -> String {
        let runs: Vec<_> = self.runs.iter().map(|run| serde_json::to_string(run).unwrap()).collect();
        let platforms = serde_json::to_string(&self.recorded_on).unwrap();
        format!("{{\n\"recorded_on\": {platforms},\n\"runs\": [\n{}\n]\n}}\n", runs.join(",\n"))
    }
}

impl Run {
    fn settings(&self) -> Settings {
        changed(Settings::default(), |s| {
            s.network.layers = Widths(self.widths.clone());
            s.network.activation = self.activation;
            s.network.residual = self.residual;
            s.network.normalisation = self.normalisation;
            s.network.loss = self.loss;
            s.optimization.rule = UpdateRule {
                weight_decay: self.weight_decay,
                clip_norm: self.clip_norm,
                ..UpdateRule::of(self.optimizer)
            };
            s.optimization.lr = self.lr;
            s.optimization.schedule.decay = self.schedule;
            s.optimization.schedule.decay_every = 20;
            s.optimization.schedule.warm_up = self.warm_up;
            s.optimization.steps = Some(40);
            s.optimization.seed = 3;
            s.batching.batch = 60;
            s.batching.micro_batch = Some(self.micro_batch);
            s.placement.strategy = Strategy::EveryN(self.every);
        })
    }
}

/// What bits depend on besides the settings.
fn platform(machine: &Machine) -> String {
    #[cfg(target_arch = "x86_64")]
    let vectors = if is_x86_feature_detected!("avx512f") { "avx512f" } else { "no avx512f" };
    #[cfg(not(target_arch = "x86_64"))]
    let vectors = std::env::consts::ARCH;
    match machine {
        Machine::Cpu => format!(
            "{}, {}, {} threads",
            std::env::consts::OS,
            std::env::consts::ARCH,
            rayon::current_num_threads()
        ),
        Machine::Gpu(_) => format!("{vectors}, {}", machine.info().name),
    }
}

fn read() -> Recorded {
    serde_json::from_str(&std::fs::read_to_string(PATH).unwrap()).unwrap()
}

fn recorded_runs_are_repeated(device: &str, choice: DeviceChoice) {
    let mut recorded: Recorded = read();
    let machine = devices::machine(choice);
    let is_recorded = recorded.recorded_on[device] == platform(&machine);
    println!("{}: comparing {}", platform(&machine), if is_recorded { "hashes" } else { "final losses" });
    let is_update = std::env::var_os("UPDATE_WEIGHTS").is_some();
    let runs: Vec<_> = recorded.runs.iter_mut().filter(|run| run.device == device).collect();
    assert!(runs.len() >= 10, "{}", runs.len());
    let mut different = Vec::new();
    for run in runs {
        let (settings, options) = (run.settings(), LoadOptions { seed: 3, ..LoadOptions::default() });
        let data = Arc::new(Dataset::load_with(Path::new(&run.data), &options).unwrap());
        let parameters = settings.initial_parameters().unwrap();
        let mut trainer = Trainer::on(&machine, &settings, &data, &parameters).unwrap();
        let mut loss = f32::NAN;
        while !trainer.is_done() {
            loss = trainer.epoch(|_| ()).unwrap().loss;
        }
        if is_update {
            (run.final_loss, run.weights_sha256) = (loss, trainer.parameters().unwrap().sha256());
            continue;
        }
        let error = (loss - run.final_loss).abs() / run.final_loss;
        assert!(error <= LOSS_TOLERANCE, "{run:?}: found a final loss of {loss}");
        let found = trainer.parameters().unwrap().sha256();
        if is_recorded && found != run.weights_sha256 {
            different.push(format!("found {found}, expected {} for {run:?}", run.weights_sha256));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
    if is_update {
        recorded.recorded_on.insert(device.to_owned(), platform(&machine));
        std::fs::write(PATH, recorded.text()).unwrap();
    }
}

#[test]
fn recorded_runs_cover_everything() {
    let recorded: Recorded = read();
    let any = |is: &dyn Fn(&Run) -> bool| recorded.runs.iter().any(|run| run.device == "cpu" && is(run));
    assert!(Activation::ALL.iter().all(|&activation| any(&|run| run.activation == activation)));
    assert!(Loss::ALL.iter().all(|&loss| any(&|run| run.loss == loss)));
    assert!(Optimizer::ALL.iter().all(|&optimizer| any(&|run| run.optimizer == optimizer)));
    assert!(Decay::ALL.iter().all(|&decay| any(&|run| run.schedule == decay)));
}

#[test]
fn cpu_repeats_recorded_runs() {
    recorded_runs_are_repeated("cpu", DeviceChoice::Cpu);
}

#[test]
fn software_repeats_recorded_runs() {
    recorded_runs_are_repeated("software", DeviceChoice::Software);
}
