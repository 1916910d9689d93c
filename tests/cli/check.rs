//! `ckpt-gpu check` as its users meet it.

use std::sync::LazyLock;

use crate::common::Random;
use crate::program::{Folder, Outcome, outcome};
use ckpt_gpu::data::npz::{Archive, Values};

/// The check of the CPU, whose text several tests look at.
pub struct Checked {
    pub folder: Folder,
    pub run: Outcome,
}

pub fn cpu() -> &'static Checked {
    static CHECKED: LazyLock<Checked> = LazyLock::new(|| {
        let folder = Folder::new();
        let run = folder.run(&format!("{} --gradients g.npz", on("cpu"))).succeeded();
        Checked { folder, run }
    });
    &CHECKED
}

pub fn on(device: &str) -> String {
    let layers = WIDTHS.map(|width| width.to_string()).join(",");
    format!("check --device {device} --preset accuracy --layers {layers} --batch {BATCH} --seed {SEED}")
}

#[test]
fn a_sound_device_gets_a_line_each_and_code_0() {
    let run = &cpu().run;
    let lines: Vec<_> = run.stdout.lines().collect();
    assert_eq!(lines.len(), 19, "{run:#?}");
    for (line, name) in lines.iter().zip(["gather", "forward", "loss", "tally", "delta", "update"]) {
        assert!(line.starts_with(name) && line.contains("  ok  "), "{line}");
    }
    assert!(run.stderr.contains("checking ") && run.stderr.contains("(cpu, cpu, "), "{run:#?}");
}

#[test]
fn programs_get_json_and_nothing_else() {
    let events = Folder::new().run(&format!("{} --json", on("cpu"))).succeeded().events();
    let [checks @ .., done] = &events[..] else { panic!("no events") };
    for check in checks {
        assert_eq!(
            (&check["event"], &check["schema"], &check["ok"]),
            (&"check".into(), &5.into(), &true.into())
        );
        assert!(check["figure"].as_f64().unwrap() <= check["bound"].as_f64().unwrap(), "{check}");
        assert!(check["name"].is_string() && check["detail"].is_string(), "{check}");
    }
    assert_eq!((&done["event"], &done["checks"]), (&"checked".into(), &checks.len().into()));
    assert_eq!(done["failed"], serde_json::json!([]));
    assert_eq!(done["device"]["type"], "cpu");
}

#[test]
fn what_cannot_be_written_or_used_is_refused_before_any_work() {
    let folder = Folder::new();
    for (arguments, code, words) in [
        ("--gradients missing/g.npz", 3, vec!["missing/g.npz", "cannot be written"]),
        ("--gradients g.txt", 2, vec!["g.txt", ".npz"]),
        ("--batch 0", 2, vec!["--batch", "at least 1"]),
        ("--layers 7", 2, vec!["--layers", "at least two"]),
        ("--layers 7,60000,60000,60000,60000,60000,3", 5, vec!["does not fit"]),
    ] {
        folder.run(&format!("check --device cpu {arguments}")).refused_at_once(code, &words);
    }
    outcome(folder.command("check --device gpu").envs(crate::program::NO_DRIVERS)).refused(4, &["--device"]);
}

/// Widths, mini-batch and seed of the network whose gradients are recomputed here.
const WIDTHS: [usize; 4] = [6, 5, 4, 3];
const BATCH: usize = 8;
const SEED: u64 = 3;

/// Weights and bias.
type Layer = [Vec<f64>; 2];
/// Inputs and label.
type Sample = (Vec<f64>, usize);

/// The notebook's loss in f64, of sigmoid layers on samples.
fn loss(layers: &[Layer], samples: &[Sample]) -> f64 {
    let sigmoid = |z: f64| 1.0 / (1.0 + (-z).exp());
    let of = |(inputs, label): &Sample| {
        let mut state = inputs.clone();
        for [weights, bias] in layers {
            let rows = weights.chunks(state.len()).zip(bias);
            state = rows
                .map(|(row, bias)| sigmoid(row.iter().zip(&state).map(|(w, s)| w * s).sum::<f64>() + bias))
                .collect();
        }
        let error = |(unit, a): (usize, &f64)| 0.5 * (a - f64::from(unit == *label)).powi(2);
        state.iter().enumerate().map(error).sum::<f64>()
    };
    samples.iter().map(of).sum::<f64>() / samples.len() as f64
}

/// What the command draws, drawn again: parameters from the seed, scaled by the fan-in; samples from the next one.
fn drawn() -> (Vec<Layer>, Vec<Sample>) {
    let mut random = Random::new(SEED);
    let mut normals =
        |count: usize, scale: f32| (0..count).map(|_| f64::from(scale * random.normal())).collect::<Vec<_>>();
    let layer =
        |pair: &[usize]| [normals(pair[0] * pair[1], 4.0 / (pair[0] as f32).sqrt()), normals(pair[1], 0.3)];
    let layers = WIDTHS.windows(2).map(layer).collect();
    let mut random = Random::new(SEED + 1);
    let samples = 3 * BATCH + 1;
    let inputs: Vec<f64> = (0..samples * WIDTHS[0]).map(|_| f64::from(random.normal())).collect();
    let labels: Vec<usize> = (0..samples).map(|_| random.below(WIDTHS[3])).collect();
    let samples = inputs.chunks(WIDTHS[0]).map(<[f64]>::to_vec).zip(labels).take(BATCH);
    (layers, samples.collect())
}

#[test]
fn the_gradients_in_the_file_are_those_of_the_loss() {
    gradients_are_those_of_the_loss("cpu", &cpu().folder);
}

#[test]
fn software_gradients_in_the_file_are_those_of_the_loss() {
    let folder = Folder::new();
    folder.run(&format!("{} --gradients g.npz", on("software"))).succeeded();
    gradients_are_those_of_the_loss("software", &folder);
}

fn gradients_are_those_of_the_loss(device: &str, folder: &Folder) {
    let mut archive = Archive::open(&folder.path("g.npz")).unwrap();
    assert_eq!(archive.keys().count(), 4 * 3);
    let (mut layers, samples) = drawn();
    for layer in 0..3 {
        for (tensor, name) in ["W", "b"].into_iter().enumerate() {
            let shape = [vec![WIDTHS[layer + 1], WIDTHS[layer]], vec![WIDTHS[layer + 1]]];
            let mut differences = Vec::new();
            for index in 0..layers[layer][tensor].len() {
                let value = layers[layer][tensor][index];
                let mut at = |change| {
                    layers[layer][tensor][index] = value + change;
                    loss(&layers, &samples)
                };
                let (above, below) = (at(1e-5), at(-1e-5));
                at(0.0);
                differences.push((above - below) / 2e-5);
            }
            for prefix in ["gpu", "ref"] {
                let key = format!("{prefix}_{name}{layer}");
                let array = archive.read(&key).unwrap();
                assert_eq!(array.shape, shape[tensor], "{key}");
                let Values::F32(values) = array.values else { panic!("{key} is not float32") };
                let error: f64 =
                    values.iter().zip(&differences).map(|(&a, b)| (f64::from(a) - b).powi(2)).sum();
                let norm: f64 = differences.iter().map(|value| value * value).sum();
                assert!(error <= 1e-10 * norm, "{device}: {key} is off by {:e}", (error / norm).sqrt());
            }
        }
    }
}
