//! Fifty steps of every activation, loss, optimizer and schedule, held against what JAX and optax make of them in f64; see
//! tests/trajectories/generate.py.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use crate::common::changed;
use crate::devices::{self, FAST};
use ckpt_gpu::check::reference::relative_error;
use ckpt_gpu::config::{Settings, Widths};
use ckpt_gpu::data::npz::{Archive, Values};
use ckpt_gpu::data::{Dataset, EvaluatedOn, Inputs, Split, Targets};
use ckpt_gpu::gpu::Context;
use ckpt_gpu::model::{LayerParameters, Normalisation, Optimizer, Parameters, Schedule, UpdateRule};
use ckpt_gpu::strategy::Strategy;
use ckpt_gpu::train::{Machine, Trainer};
use serde_json::Value;

const TOLERANCE: f64 = 1e-4;
const STEPS: u64 = 50;

struct Golden {
    cases: Vec<Value>,
    widths: Vec<usize>,
    batch: usize,
    /// Of the masks of dropout.
    seed: u64,
    archive: Archive,
}

impl Golden {
    fn open() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/trajectories");
        let text = std::fs::read_to_string(folder.join("cases.json")).unwrap();
        let about: Value = serde_json::from_str(&text).unwrap();
        let whole = |value: &Value| value.as_u64().unwrap() as usize;
        Golden {
            cases: about["cases"].as_array().unwrap().clone(),
            widths: about["widths"].as_array().unwrap().iter().map(whole).collect(),
            batch: whole(&about["batch"]),
            seed: about["seed"].as_u64().unwrap(),
            archive: Archive::open(&folder.join("trajectories.npz")).unwrap(),
        }
    }

    fn floats(&mut self, name: &str) -> Vec<f64> {
        match self.archive.read(name).unwrap().values {
            Values::F32(values) => values.into_iter().map(f64::from).collect(),
            Values::F64(values) => values,
            other => panic!("{name}: {}", other.describe()),
        }
    }

    fn start(&mut self) -> Parameters {
        let mut narrow = |name: String| self.floats(&name).into_iter().map(|x| x as f32).collect();
        let layers = (0..4).map(|index| LayerParameters {
            weights: narrow(format!("W{index}")),
            bias: narrow(format!("b{index}")),
            gain: if index == 0 { Vec::new() } else { narrow(format!("gain{index}")) },
            shift: if index == 0 { Vec::new() } else { narrow(format!("shift{index}")) },
        });
        Parameters { layers: layers.collect() }
    }

    fn data(&mut self, case: &Value) -> Arc<Dataset> {
        let narrow = |values: Vec<f64>| values.into_iter().map(|x| x as f32).collect::<Vec<_>>();
        let targets = match (case["values"].as_bool().unwrap(), self.archive.read("labels").unwrap().values) {
            (true, _) => Targets::Regression { width: 4, values: narrow(self.floats("values")) },
            (false, Values::I64(labels)) => Targets::Classes(labels.into_iter().map(|n| n as u32).collect()),
            (false, other) => panic!("labels: {}", other.describe()),
        };
        let mut split = Split::new(self.widths[0], Inputs::F32(narrow(self.floats("x"))), targets).unwrap();
        if case["weights"].as_bool().unwrap() {
            split = split.with_weights(narrow(self.floats("weights"))).unwrap();
        }
        if let Some(samples) = case["samples"].as_u64() {
            split = split.rows(&(0..samples as u32).collect::<Vec<_>>()).unwrap();
        }
        Arc::new(Dataset {
            source: "trajectories".into(),
            train: split.clone(),
            test: split,
            evaluated_on: EvaluatedOn::Test,
        })
    }

    fn settings(&self, case: &Value) -> Settings {
        let text = |name: &str| case[name].as_str().unwrap();
        let optimizer: Optimizer = text("optimizer").parse().unwrap();
        changed(Settings::notebook(), |s| {
            s.network.layers = Widths(self.widths.clone());
            s.network.activation = text("activation").parse().unwrap();
            s.network.residual = case["residual"].as_bool().unwrap();
            s.network.normalisation = serde_json::from_value(case["normalisation"].clone()).unwrap();
            s.network.loss = text("loss").parse().unwrap();
            s.network.dropout = case["dropout"].as_f64().unwrap() as f32;
            s.optimization.label_smoothing = case["label_smoothing"].as_f64().unwrap() as f32;
            s.optimization.seed = self.seed;
            s.optimization.lr = case["lr"].as_f64().unwrap() as f32;
            s.optimization.rule = UpdateRule {
                weight_decay: case["weight_decay"].as_f64().unwrap() as f32,
                clip_norm: case["clip_norm"].as_f64().map(|norm| norm as f32),
                ema: case["ema"].as_f64().map(|share| share as f32),
                ..UpdateRule::of(optimizer)
            };
            s.optimization.schedule = match text("schedule") {
                "constant" => Schedule::default(),
                decay => Schedule {
                    decay: decay.parse().unwrap(),
                    warm_up: if decay == "one-cycle" { 0 } else { 5 },
                    decay_every: 10,
                    decay_factor: 0.5,
                    floor: 0.25,
                    period_factor: 2.0,
                    ..Schedule::default()
                },
            };
            s.batching.batch = self.batch;
            s.batching.drop_last = false;
            s.optimization.steps = Some(STEPS);
            s.optimization.shuffle = false;
        })
    }
}

/// `parameters` without the gains and shifts that `normalisation` does not have.
fn of_normalisation(parameters: &Parameters, normalisation: Option<Normalisation>) -> Parameters {
    let mut parameters = parameters.clone();
    for layer in &mut parameters.layers {
        if !normalisation.is_some_and(Normalisation::has_gain) {
            layer.gain.clear();
        }
        if !normalisation.is_some_and(Normalisation::has_shift) {
            layer.shift.clear();
        }
    }
    parameters
}

/// `vary` makes of the settings what should make no difference, or leaves a case out.
fn follow(machine: &Machine, mut vary: impl FnMut(usize, Settings) -> Option<Settings>) {
    let mut golden = Golden::open();
    let all = golden.start();
    assert!(golden.cases.len() > 80);
    for (index, case) in golden.cases.clone().iter().enumerate() {
        let Some(settings) = vary(index, golden.settings(case)) else { continue };
        let data = golden.data(case);
        let start = of_normalisation(&all, settings.network.normalisation);
        let mut trainer = Trainer::on(machine, &settings, &data, &start).unwrap();
        let losses: Vec<f32> = (0..STEPS).map(|_| trainer.train(1, |_| ()).unwrap()).collect();
        let parameters = trainer.model_parameters().unwrap().layers;
        let parameters: Vec<f32> = parameters.iter().flat_map(LayerParameters::values).collect();
        let memory = trainer.memory();
        assert_eq!(memory.planned, memory.counted, "{case}");
        let errors = [
            relative_error(&losses, &golden.floats(&format!("losses{index}"))),
            relative_error(&parameters, &golden.floats(&format!("parameters{index}"))),
        ];
        assert!(errors.iter().all(|&error| error <= TOLERANCE), "{case}: {errors:?}");
    }
}

#[test]
fn the_cpu_follows_every_trajectory() {
    follow(&Machine::Cpu, |index, settings| {
        let micro_batch = (index % 3 == 2).then_some(1);
        Some(changed(settings, |s| {
            s.placement.strategy = Strategy::EveryN(index % 4);
            s.batching.micro_batch = micro_batch;
        }))
    });
}

/// In blocks that compile fast, layers together where they can be; on the first driver alone, as it takes minutes.
#[test]
fn vulkan_follows_every_trajectory() {
    let context = devices::own_software().with_tile(FAST);
    let machine = Machine::Gpu(Box::new(context.without_subgroups()));
    follow(&machine, |_, settings| Some(settings));
}

/// The first case of each optimizer, loss, schedule, kind of layer, and of gradient clipping, layer by layer, some
/// with gradient accumulation.
fn follow_some(context: Context) {
    let mut seen = HashSet::new();
    follow(&Machine::Gpu(Box::new(context)), |index, settings| {
        let (network, rule) = (&settings.network, &settings.optimization.rule);
        let features = [
            format!("{:?}", rule.optimizer),
            format!("{:?}", network.loss),
            format!("{:?}", settings.optimization.schedule.decay),
            format!("residual {}, normalised {:?}", network.residual, network.normalisation),
            format!("clipped {}", rule.clip_norm.is_some()),
            format!("averaged {}", rule.ema.is_some()),
            format!("dropout {}, smoothed {}", network.dropout, settings.optimization.label_smoothing),
        ];
        let is_new = features.map(|feature| seen.insert(feature)).contains(&true);
        let micro_batch = (index % 16 == 2).then_some(1);
        let settings = changed(settings, |s| {
            s.placement.strategy = Strategy::EveryN(2);
            s.batching.micro_batch = micro_batch;
            s.placement.fused = false;
        });
        is_new.then_some(settings)
    });
}

/// In blocks that compile fast.
#[test]
fn software_follows_some_trajectories() {
    follow_some(devices::own_software().with_tile(FAST));
}

/// In the driver's usual tiles, which take minutes to compile.
#[test]
fn software_follows_trajectories_in_micro_batches() {
    follow_some(devices::own_software());
}
