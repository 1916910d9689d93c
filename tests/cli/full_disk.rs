//! Disks that are full and folders that take no files: the run ends with the file's name, what was there before is whole,
//! and with room again the run goes on.

#![cfg(unix)]

use std::fs;
use std::process::{Command, Stdio};

use crate::program::{Folder, Outcome, SMALL, outcome};

fn flags(epochs: u64) -> String {
    let small = SMALL.replace("--epochs 1", &format!("--epochs {epochs}"));
    format!("{small} --device cpu --optimizer adam")
}

/// The program where no file can grow beyond `limit` KiB: writing then fails in the midst, as on a full disk.
fn run_with_little_room(folder: &Folder, limit: u64, arguments: &str) -> Outcome {
    let script = format!("ulimit -f {limit}; exec \"$0\" {arguments}");
    let mut command = Command::new("bash");
    let program = env!("CARGO_BIN_EXE_ckpt-gpu");
    outcome(command.args(["-c", &script, program]).current_dir(folder.path("")).stdin(Stdio::null()))
}

#[test]
fn a_snapshot_that_has_no_room_leaves_the_one_before() {
    let folder = Folder::new();
    let whole = folder.hash(&flags(4));
    folder.train(&format!("{} --snapshot kept --keep 1", flags(1)));
    let before = folder.contents("kept");
    let [(config, _), (_, snapshot)] = &before[..] else { panic!("{before:?}") };
    assert!(config == "config.toml" && snapshot.len() > 1024, "{config}, {} bytes", snapshot.len());

    let full =
        run_with_little_room(&folder, 1, &format!("train {} --snapshot kept --keep 1 --resume", flags(4)));
    assert_eq!(full.code, Some(3), "{full:#?}");
    for words in [
        "kept/step-000000000006.ckpt: cannot be written",
        "make room",
        "the last good snapshot is kept/step-000000000003.ckpt; resume with: ",
        " --resume\n",
    ] {
        assert!(full.stderr.contains(words) && !full.stderr.contains("panicked"), "no {words} in {full:#?}");
    }
    assert_eq!(folder.contents("kept"), before);
    assert_eq!(folder.hash(&format!("{} --snapshot kept --keep 1 --resume", flags(4))), whole);
}

#[test]
fn a_model_that_has_no_room_leaves_the_one_before() {
    let folder = Folder::new();
    fs::create_dir(folder.path("models")).unwrap();
    for name in ["models/m.safetensors", "models/m.npz"] {
        let flags = flags(1).replace("5x3", "40");
        folder.train(&format!("{flags} --save {name}"));
        let before = folder.contents("models");
        let full = run_with_little_room(&folder, 1, &format!("train {flags} --lr 0.1 --save {name}"));
        assert_eq!(full.code, Some(3), "{full:#?}");
        let message = format!("ckpt-gpu: {name}: cannot be written: ");
        assert!(full.stderr.contains(&message) && !full.stderr.contains("panicked"), "{full:#?}");
        assert!(full.stdout.contains("weights sha256"), "what was learnt of the run is shown: {full:#?}");
        assert_eq!(folder.contents("models"), before);
    }
    fs::create_dir(folder.path("answers")).unwrap();
    for name in ["answers/a.csv", "answers/a.npz"] {
        let predict = format!("predict models/m.safetensors --data small.npz --device cpu --out {name}");
        let full = run_with_little_room(&folder, 0, &predict);
        assert_eq!(full.code, Some(3), "{full:#?}");
        assert!(full.stderr.contains(&format!("{name}: cannot be written")), "{full:#?}");
        assert_eq!(folder.contents("answers"), []);
    }
}

#[test]
fn a_log_that_has_no_room_goes_on_when_there_is_some() {
    let whole = |folder: &Folder| folder.hash(&flags(20));
    for (epochs_before, culprit) in [(1, "logs/events.out.tfevents."), (15, "logs/metrics.csv")] {
        let folder = Folder::new();
        let kept = "--log logs --log-every 1 --snapshot kept --snapshot-every 1000";
        folder.train(&format!("{} {kept}", flags(epochs_before)));
        let full = run_with_little_room(&folder, 1, &format!("train {} {kept} --resume", flags(20)));
        assert_eq!(full.code, Some(3), "{full:#?}");
        assert!(full.stderr.contains(&format!("ckpt-gpu: {culprit}")), "{full:#?}");
        assert!(full.stderr.contains("cannot be written") && !full.stderr.contains("panicked"), "{full:#?}");

        assert_eq!(folder.hash(&format!("{} {kept} --resume", flags(20))), whole(&folder));
        let table = String::from_utf8(folder.read("logs/metrics.csv")).unwrap();
        let steps: Vec<u64> =
            table.lines().skip(1).map(|row| row.split(',').next().unwrap().parse().unwrap()).collect();
        assert_eq!(steps, (1..=60).collect::<Vec<_>>());
    }
}

#[test]
fn folders_that_take_no_files_are_refused_before_training() {
    let folder = Folder::new();
    // These take none from anybody, whatever rights he has.
    let mut places = vec!["small.npz"];
    if cfg!(target_os = "linux") {
        places.push("/proc");
    }
    for place in places {
        for flag in [
            format!("--snapshot {place}/kept"),
            format!("--log {place}/logs"),
            format!("--save {place}/w.npz"),
            format!("--save {place}/w.safetensors"),
            format!("--report {place}/run.json"),
        ] {
            let (_, path) = flag.split_once(' ').unwrap();
            let run = folder.run(&format!("train {} {flag}", flags(1)));
            run.refused_at_once(3, &[&format!("ckpt-gpu: {path}")]);
        }
    }
    assert_eq!(folder.files(), Vec::<String>::new());
}
