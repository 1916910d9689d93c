//! Stopped and resumed runs: bit-identical results, also from what a killed process leaves.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::common::changed;
use crate::program::{Folder, SMALL};
use ckpt_gpu::config::{DeviceChoice, Settings, Widths};
use ckpt_gpu::data::{Dataset, EvaluatedOn, Inputs, Split};
use ckpt_gpu::model::{Decay, Loss, Normalisation, Optimizer, Schedule, UpdateRule};
use ckpt_gpu::snapshot::SnapshotStore;
use ckpt_gpu::strategy::Strategy;
use ckpt_gpu::train::{Machine, Trainer};

const SAMPLES: usize = 56;
const BATCH: usize = 8;
const STEPS: u64 = 24;

fn data() -> Arc<Dataset> {
    let inputs = (0..SAMPLES * 5).map(|n| ((n * n + 3 * n) % 23) as f32 / 11.0 - 1.0).collect();
    let labels: Vec<u32> = (0..SAMPLES).map(|n| (n * 7 % 3) as u32).collect();
    let split = Split::new(5, Inputs::F32(inputs), labels).unwrap();
    Arc::new(Dataset {
        source: "numbers".into(),
        train: split.clone(),
        test: split,
        evaluated_on: EvaluatedOn::Test,
    })
}

/// Trains for [`STEPS`] steps, stopped after each of `stops` and resumed from a file.
fn run(machine: &Machine, settings: &Settings, data: &Arc<Dataset>, stops: &[u64]) -> (String, f32) {
    let folder = tempfile::tempdir().unwrap();
    let store = SnapshotStore::open(folder.path(), 1).unwrap();
    let first = settings.initial_parameters().unwrap();
    let mut trainer = Trainer::on(machine, settings, data, &first).unwrap();
    let mut loss = f32::NAN;
    for &stop in stops.iter().chain([&STEPS]) {
        while trainer.steps() < stop {
            trainer.train(stop - trainer.steps(), |_| ()).unwrap();
            if trainer.is_at_end_of_epoch() {
                loss = trainer.end_epoch().unwrap().test.loss;
            }
        }
        if stop < STEPS {
            store.save(&trainer.snapshot().unwrap()).unwrap();
            let found = store.latest().unwrap();
            trainer = Trainer::on(machine, settings, data, &found.snapshot).unwrap();
        }
    }
    (trainer.parameters().unwrap().sha256(), loss)
}

fn resumed_runs_are_bit_identical(device: DeviceChoice) {
    let (machine, data) = (Machine::find(device).unwrap().machine, data());
    for (turn, optimizer) in [Optimizer::Sgd, Optimizer::Adam].into_iter().enumerate() {
        for every in [0, 2, 3] {
            let settings = changed(Settings::notebook(), |s| {
                s.network.layers = Widths(vec![5, 7, 7, 7, 7, 3]);
                s.network.loss = Loss::CrossEntropy;
                s.network.residual = true;
                s.network.normalisation = (every == 3).then_some(Normalisation::Layer);
                s.network.initialiser = None;
                s.optimization.rule =
                    UpdateRule { clip_norm: (every == 3).then_some(0.5), ..UpdateRule::of(optimizer) };
                s.optimization.lr = 0.02;
                s.optimization.schedule =
                    Schedule { decay: Decay::Cosine, warm_up: 3, ..Schedule::default() };
                s.batching.batch = BATCH;
                s.batching.micro_batch = (every == 2).then_some(4);
                s.optimization.steps = Some(STEPS);
                s.placement.strategy = Strategy::EveryN(every);
            });
            let whole = run(&machine, &settings, &data, &[]);
            // Of all runs together, after every step, alone and with others; an epoch has seven.
            let first = 1 + turn as u64;
            for stops in
                [vec![first + every as u64], vec![7 - turn as u64, 14 + turn as u64, 20], vec![22, 23]]
            {
                assert_eq!(
                    run(&machine, &settings, &data, &stops),
                    whole,
                    "{optimizer:?}, every {every}, {stops:?}"
                );
            }
        }
    }
}

#[test]
fn cpu_resumes_to_identical_bits() {
    resumed_runs_are_bit_identical(DeviceChoice::Cpu);
}

#[test]
fn software_resumes_to_identical_bits() {
    resumed_runs_are_bit_identical(DeviceChoice::Software);
}

#[test]
fn command_resumes_a_run() {
    let folder = Folder::new();
    let flags = format!("{SMALL} --device cpu --optimizer adam").replace("--epochs 1", "--epochs 4");
    let whole = folder.hash(&flags);
    // One epoch of three steps, then on to four.
    let snapshots = "--snapshot kept --snapshot-every 2";
    folder.run(&format!("train {} {snapshots}", flags.replace("--epochs 4", "--epochs 1"))).succeeded();
    assert_eq!(folder.hash(&format!("{flags} {snapshots} --resume")), whole);

    let other = folder.run(&format!("train {flags} {snapshots} --resume --lr 0.25"));
    assert_eq!(other.code, Some(3));
    assert!(other.stderr.contains("lr (--lr): found 0.5, expected 0.25"), "{}", other.stderr);
    let other = folder.run(&format!("train {} {snapshots} --resume", flags.replace("5x3", "5x4")));
    assert!(other.code == Some(3) && other.stderr.contains("--layers"), "{}", other.stderr);
    let longer = folder.run(&format!(
        "train {} {snapshots} --resume --schedule cosine",
        flags.replace("--epochs 4", "--epochs 5")
    ));
    assert!(
        longer.code == Some(3)
            && longer.stderr.contains("schedule (--schedule): found constant, expected cosine over 5 epochs"),
        "{}",
        longer.stderr
    );
    let none = folder.run(&format!("train {flags} --snapshot empty --resume"));
    assert!(none.code == Some(3) && none.stderr.contains("holds no snapshot"), "{}", none.stderr);
    let alone = folder.run(&format!("train {flags} --resume"));
    assert_eq!(alone.code, Some(2));
}

#[test]
fn new_run_rejects_directory_of_another_run() {
    let folder = Folder::new();
    let begin = format!("train {SMALL} --device cpu --snapshot kept");
    folder.run(&begin).succeeded();
    let before = folder.contents("kept");
    let newest = "found kept/step-000000000003.ckpt";
    folder.run(&begin).refused(2, &["--snapshot: ", newest, "--resume", "another directory"]);
    folder.run(&format!("{begin} --seed 9 --keep 1")).refused(2, &["--snapshot: ", newest]);
    assert!(before == folder.contents("kept"), "the earlier run's snapshots have changed");
    folder.run(&format!("{begin} --resume")).succeeded();
}

#[test]
fn resuming_with_other_data_is_rejected() {
    let folder = Folder::new();
    let flags = format!("train {SMALL} --device cpu --snapshot kept").replace("--epochs 1", "--epochs 4");
    folder.run(&flags.replace("--epochs 4", "--epochs 1")).succeeded();
    let held = folder.run(&format!("{flags} --resume --validation 0.4"));
    held.refused(3, &["in data (--data): found 24 samples of 6 features", "expected 14 samples"]);
    let standard = folder.run(&format!("{flags} --resume --standardise"));
    standard.refused(3, &["in data (--data): found 24 samples", "expected 24 samples", "checksum"]);
    folder.run(&format!("{flags} --resume")).succeeded();
}

/// A long run with its snapshots in `kept`.
#[cfg(unix)]
fn train(folder: &Folder, kept: &OsStr, more: &str) -> Child {
    let flags = format!("train {SMALL} --device cpu --optimizer adam {more} --snapshot");
    let mut command = folder.command(&flags.replace("--epochs 1", "--epochs 1000000"));
    command.arg(kept).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Waits until a run has created `made`, before its first step, and made some steps; then sends `signal` and returns stderr.
#[cfg(unix)]
fn stopped(child: Child, made: &Path, signal: &str) -> String {
    let begun = Instant::now();
    while !made.exists() && begun.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(5));
    }
    std::thread::sleep(Duration::from_millis(700));
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
    let outcome = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&outcome.stderr).into_owned();
    assert_eq!(outcome.status.code(), Some(130), "{stderr}");
    stderr
}

/// Kills a run at a hundred moments, some of them during a write.
#[cfg(unix)]
#[test]
fn kill_at_any_time_leaves_an_intact_snapshot() {
    let folder = Folder::new();
    let mut steps = 0;
    for turn in 0..100_u64 {
        let more = if turn == 0 { "--snapshot-every 1" } else { "--snapshot-every 1 --resume" };
        let mut child = train(&folder, "kept".as_ref(), more);
        let kept = folder.path("kept");
        let begun = Instant::now();
        // To open it as a store would sweep up what the writer is just writing.
        let is_empty = || std::fs::read_dir(&kept).map_or(0, |entries| entries.count()) < 2;
        if turn == 0 {
            while is_empty() && begun.elapsed() < Duration::from_secs(60) {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        std::thread::sleep(Duration::from_micros(20_000 + turn * 7919 % 40_000));
        child.kill().unwrap();
        child.wait().unwrap();
        let store = SnapshotStore::open(&kept, 2).unwrap();
        let found = store.latest().unwrap();
        assert!(found.passed_over.is_empty(), "{:?}", found.passed_over);
        assert!(found.snapshot.progress.steps >= steps, "{} after {steps}", found.snapshot.progress.steps);
        steps = found.snapshot.progress.steps;
    }
    assert!(steps > 100, "only {steps} steps in a hundred runs");
}

/// Ctrl-C finishes the step, saves, and prints how to resume.
#[cfg(unix)]
#[test]
fn interrupt_saves_and_prints_how_to_resume() {
    let folder = Folder::new();
    let child = train(&folder, "kept".as_ref(), "--snapshot-every 1000000");
    let stderr = stopped(child, &folder.path("kept/config.toml"), "-INT");
    assert!(stderr.contains("--resume"), "{stderr}");
    let found = SnapshotStore::open(&folder.path("kept"), 2).unwrap().latest().unwrap();
    assert!(found.snapshot.progress.steps > 0);
}

/// A scheduler announces its end by USR1, and later starts the same command again.
#[cfg(unix)]
#[test]
fn one_command_begins_and_goes_on_after_a_signal() {
    let folder = Folder::new();
    let command = "--snapshot-every 1000000 --resume auto";
    let stderr = stopped(train(&folder, "kept".as_ref(), command), &folder.path("kept/config.toml"), "-USR1");
    assert!(stderr.contains("--resume auto") && !stderr.contains("resuming after"), "{stderr}");
    let steps =
        SnapshotStore::open(&folder.path("kept"), 2).unwrap().latest().unwrap().snapshot.progress.steps;
    assert!(steps > 0);
    let begun = format!("{command} --keep 3");
    let stderr = stopped(train(&folder, "kept".as_ref(), &begun), &folder.path("kept/config.toml"), "-USR1");
    assert!(stderr.contains(&format!("resuming after step {steps}")), "{stderr}");
}

/// A run that begins from a model file is begun and resumed by one command, too; the file of flags may name the model.
#[test]
fn one_command_begins_from_a_model_and_goes_on() {
    let folder = Folder::new();
    let run = |flags: &str| folder.run(&format!("train {SMALL} --device cpu {flags}")).succeeded();
    run("--save base.npz");
    folder.write("c.toml", b"init = 'base.npz'\n");
    let begun = run("--config c.toml --snapshot kept --resume auto");
    let apart = run("--init base.npz");
    let hash = |text: &str| text.split_whitespace().find(|word| word.len() == 64).map(str::to_owned);
    assert_eq!(hash(&begun.stdout), hash(&apart.stdout));
    assert!(hash(&begun.stdout).is_some());
    let resumed = run("--config c.toml --snapshot kept --resume auto");
    assert!(resumed.stderr.contains("base.npz is not used"), "{}", resumed.stderr);
}

/// The printed command is valid for a shell, whatever the arguments.
#[cfg(target_os = "linux")]
#[test]
fn interrupt_prints_paths_that_are_not_utf8() {
    use std::os::unix::ffi::OsStrExt;
    let (folder, kept) = (Folder::new(), OsStr::from_bytes(b"my\xff runs"));
    let child = train(&folder, kept, "--snapshot-every 1000000");
    let stderr = stopped(child, &folder.path("").join(kept), "-TERM");
    assert!(stderr.contains("resume with: ") && stderr.contains("runs' --resume"), "{stderr}");
}
