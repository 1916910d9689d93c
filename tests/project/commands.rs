//! Every command in README.md and the manual runs, and its output looks as the page shows it.
//!
//! The commands of a page run in order in one folder, which holds small stand-ins for the data that pages name. Trainings
//! are shortened to a few steps and a small held-out split, on the CPU.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::Mutex;
use std::{iter, thread};

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::common::root;
use crate::markdown::{Page, manual};
use crate::program::{Folder, Outcome, outcome};

const STEPS: &str = "3";
/// The share of the samples that shortened trainings are evaluated on.
const EVALUATED: &str = "0.005";
/// The commands that take `--device`.
const COMPUTING: [&str; 7] = ["train", "plan", "check", "compare", "find-lr", "eval", "predict"];

/// Commands that do not run here, and why. Those of the program must still parse.
const ELSEWHERE: [(&str, &str); 11] = [
    ("cargo install --locked --path .", "compiles the program once more"),
    ("scripts/test", "runs this test"),
    ("scripts/bench", "takes an hour, and frameworks that are not installed"),
    ("scripts/bench --table", "needs Python, and prints files alone"),
    ("scripts/gpu", "takes a quarter of an hour, and a GPU"),
    ("tensorboard --logdir run", "is another program"),
    ("cargo run --release --example plan_a_chain", "tests/device/examples.rs runs it"),
    ("cargo run --release --example neural_field", "tests/device/examples.rs runs it"),
    ("cargo run --release --example thousand_layers", "tests/device/examples.rs runs it"),
    ("cargo run --release --example tabular_regression", "tests/device/examples.rs runs it"),
    ("ckpt-gpu check --device cpu", "takes long; tests/cli/check.rs and tests/device/check.rs run it"),
];

/// A command of a page with the lines that the page shows below it.
struct Shown<'a> {
    command: &'a str,
    output: Vec<&'a str>,
}

#[test]
fn commands_of_the_manual_run() {
    // Each page has a folder of its own, so pages take turns on two threads.
    let pages = Mutex::new(manual().into_iter());
    let take = || pages.lock().unwrap().next();
    let commands = thread::scope(|scope| {
        let threads =
            [(); 2].map(|()| scope.spawn(|| iter::from_fn(take).flat_map(run_all).collect::<Vec<_>>()));
        threads.map(|thread| thread.join().unwrap()).concat()
    });
    for (elsewhere, _) in ELSEWHERE {
        assert!(commands.iter().any(|command| command == elsewhere), "on no page: {elsewhere}");
    }
    let ran = commands.iter().filter(|command| !runs_elsewhere(command)).count();
    assert!(ran > 30, "{ran} commands ran");
}

fn runs_elsewhere(command: &str) -> bool {
    ELSEWHERE.iter().any(|(elsewhere, _)| *elsewhere == command)
}

/// Runs the commands of a page, or parses those that run elsewhere, and returns them all.
fn run_all(page: Page) -> Vec<String> {
    let shown: Vec<_> = page.blocks("console").into_iter().flat_map(shown).collect();
    if shown.is_empty() {
        return Vec::new();
    }
    let folder = stand_ins();
    for shown in &shown {
        if runs_elsewhere(shown.command) {
            parse(&page, shown.command);
        } else {
            run(&folder, &page, shown);
        }
    }
    shown.iter().map(|shown| shown.command.to_owned()).collect()
}

/// The commands of one block.
fn shown(block: &str) -> Vec<Shown<'_>> {
    let mut commands: Vec<Shown> = Vec::new();
    for line in block.lines() {
        match line.strip_prefix("$ ") {
            Some(command) => commands.push(Shown { command, output: Vec::new() }),
            None => commands.last_mut().expect("a block begins with a command").output.push(line),
        }
    }
    commands
}

/// The program's arguments, where `command` runs it.
fn arguments(command: &str) -> Option<Vec<String>> {
    let rest =
        ["ckpt-gpu ", "cargo run --release -- "].iter().find_map(|start| command.strip_prefix(start))?;
    Some(rest.split_whitespace().map(str::to_owned).collect())
}

/// A command that does not run must at least be one that the program, or the repository, knows.
fn parse(page: &Page, command: &str) {
    if let Some(words) = arguments(command) {
        let words = std::iter::once("ckpt-gpu".to_owned()).chain(words);
        if let Err(error) = ckpt_gpu::cli::command().try_get_matches_from(words) {
            panic!("{}: {command}: {error}", page.path);
        }
    } else if let Some(example) = command.strip_prefix("cargo run --release --example ") {
        let places = [format!("examples/{example}.rs"), format!("examples/{example}/main.rs")];
        assert!(places.iter().any(|place| root().join(place).exists()), "{}: {command}", page.path);
    } else if command.starts_with("scripts/") {
        let script = command.split(' ').next().unwrap_or_default();
        assert!(root().join(script).exists(), "{}: {command}", page.path);
    }
}

fn run(folder: &Folder, page: &Page, shown: &Shown) {
    let context = format!("{}: {}", page.path, shown.command);
    // What comes after a pipe is another program.
    let (command, _) = shown.command.split_once(" | ").unwrap_or((shown.command, ""));
    let (command, target) = command.split_once(" > ").unwrap_or((command, ""));
    let words = arguments(command)
        .unwrap_or_else(|| panic!("{context}: neither ckpt-gpu nor among the commands that run elsewhere"));
    let home = folder.path("");
    let words: Vec<_> =
        shortened(words).iter().map(|word| word.replace('~', &home.to_string_lossy())).collect();
    let outcome = outcome(folder.command("").args(&words));
    let fails = shown.output.iter().any(|line| line.starts_with("ckpt-gpu: "));
    assert_eq!(outcome.code != Some(0), fails, "{context}: {outcome:#?}");
    assert!(!outcome.stderr.contains("panicked"), "{context}: {outcome:#?}");
    if !target.is_empty() {
        assert!(outcome.stdout.len() > 100, "{context}: {outcome:#?}");
    }
    assert_shown(&context, &shown.output, &outcome);
}

/// The same command with few steps and few samples to evaluate on, on the CPU.
fn shortened(words: Vec<String>) -> Vec<String> {
    let Some(command) = words.first().cloned() else { return words };
    let mut short = Vec::new();
    let mut words = words.into_iter();
    let trains = ["train", "compare"].contains(&command.as_str());
    while let Some(word) = words.next() {
        if trains && ["--epochs", "--steps", "--repeats"].contains(&word.as_str()) {
            words.next();
        } else {
            short.push(word);
        }
    }
    if trains {
        short.extend(["--steps", STEPS].map(str::to_owned));
        if !short.iter().any(|word| word == "--validation" || word == "--config") {
            short.extend(["--validation", EVALUATED].map(str::to_owned));
        }
    }
    if command == "compare" {
        short.extend(["--repeats", "1"].map(str::to_owned));
    }
    if COMPUTING.contains(&command.as_str()) && !short.iter().any(|word| word == "--device") {
        short.extend(["--device", "cpu"].map(str::to_owned));
    }
    short
}

/// Each line that the page shows is one of the output, but for its numbers, spaces and the name of the device.
fn assert_shown(context: &str, lines: &[&str], outcome: &Outcome) {
    let printed: BTreeSet<_> = outcome.stdout.lines().chain(outcome.stderr.lines()).map(shape).collect();
    for line in lines.iter().filter(|line| !line.trim().is_empty() && **line != "...") {
        let names_a_device = line.contains("(cpu, cpu, ") || line.contains("(software, ");
        assert!(
            names_a_device || printed.contains(&shape(line)),
            "{context}: not printed: {line}\n{outcome:#?}"
        );
    }
}

/// A line with `0` for each number and hash, `#` for each bar and one space for several. Shortened trainings are evaluated on a
/// validation split.
fn shape(line: &str) -> String {
    let words = line.split_whitespace().map(|word| if word == "validation" { "test" } else { word });
    words.map(word_shape).collect::<Vec<_>>().join(" ")
}

fn word_shape(word: &str) -> String {
    if word.len() == 64 && word.chars().all(|c| c.is_ascii_hexdigit()) {
        return "0".to_owned();
    }
    let mut shape = String::new();
    for c in word.chars() {
        let c = if c.is_ascii_digit() { '0' } else { c };
        let continues_number =
            c == '0' && (shape.ends_with('0') || shape.ends_with("0.") || shape.ends_with("0,"));
        if continues_number {
            shape.truncate(shape.trim_end_matches([',', '.']).len());
        } else if !(c == '#' && shape.ends_with('#')) {
            shape.push(c);
        }
    }
    shape
}

#[test]
fn shapes_forget_numbers_alone() {
    assert_eq!(
        shape("epoch 0: loss 0.300577, test  accuracy 0.9494"),
        shape("epoch 12: loss 3.5, test accuracy 1")
    );
    assert_eq!(shape("total 1,018,920"), shape("total   7"));
    assert_eq!(shape("840,680 |#### 74.2 %"), shape("1 |## 4 %"));
    assert_ne!(shape("epoch 0: loss 0.3"), shape("epoch 0: mean loss 0.3"));
    assert_ne!(shape("layers 1-2"), shape("layers 1"));
}

/// A folder with what pages name: MNIST, and small data of the other kinds.
fn stand_ins() -> Folder {
    let folder = Folder::new();
    fs::create_dir(folder.path("data")).unwrap();
    link(&root().join("data/mnist.npz"), &folder.path("data/mnist.npz"));
    let value = |n: usize| (n * n % 37) as f32 / 37.0;
    let values = |count: usize| (0..count).map(value).collect::<Vec<_>>();
    folder.write_npz("table.npz", &[("x", vec![200, 13], values(200 * 13)), ("y", vec![200], values(200))]);
    let house = |n: usize| format!("{},{},{}\n", 40 + n % 90, ["north", "south"][n % 2], 1000 + 3 * (n % 90));
    let houses: String = (0..400).map(house).collect();
    folder.write("houses.csv", format!("area,side,price\n{houses}").as_bytes());
    let runs = "data = 'small.npz'\nbatch = 8\nepochs = 1\ndevice = 'cpu'\n[sweep]\nmetric = 'accuracy'\nfolds = 3\n";
    folder.write(
        "sweep.toml",
        format!("{runs}hidden = ['64', '64x4']\nlr = [0.001, 0.003, 0.01]\n").as_bytes(),
    );
    fs::create_dir(folder.path("big")).unwrap();
    folder.write("big/x.npy", &npy("<f4", "(200, 784)", &bytes(&values(200 * 784))));
    folder.write("big/y.npy", &npy("|u1", "(200,)", &labels(200)));
    fs::create_dir(folder.path("fashion")).unwrap();
    for (part, samples) in [("train", 200), ("t10k", 100)] {
        let images: Vec<u8> = (0..samples * 784).map(|n| (n % 251) as u8).collect();
        folder.write(&format!("fashion/{part}-images-idx3-ubyte.gz"), &idx(&[samples, 28, 28], &images));
        folder.write(&format!("fashion/{part}-labels-idx1-ubyte.gz"), &idx(&[samples], &labels(samples)));
    }
    folder
}

fn bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn labels(samples: usize) -> Vec<u8> {
    (0..samples).map(|n| (n % 10) as u8).collect()
}

fn npy(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
    let header = format!("{header:<117}\n");
    let length = (header.len() as u16).to_le_bytes();
    [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), data].concat()
}

fn idx(shape: &[usize], data: &[u8]) -> Vec<u8> {
    let mut file = GzEncoder::new(Vec::new(), Compression::fast());
    file.write_all(&[0, 0, 8, shape.len() as u8]).unwrap();
    for &length in shape {
        file.write_all(&(length as u32).to_be_bytes()).unwrap();
    }
    file.write_all(data).unwrap();
    file.finish().unwrap()
}

fn link(original: &Path, link: &Path) {
    #[cfg(unix)]
    std::os::unix::fs::symlink(original, link).unwrap();
    #[cfg(not(unix))]
    fs::copy(original, link).map(drop).unwrap();
}
