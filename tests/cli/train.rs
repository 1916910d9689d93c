//! The program as its users meet it: what it prints, what it saves, and that equal training is equal.

use std::io::Read;
use std::process::Stdio;

use crate::common::root;
use crate::program::{Folder, SMALL, outcome};
use serde_json::Value;
use sha2::{Digest, Sha256};

const CPU: &str = "--device cpu";
const SOFTWARE: &str = "--device software";
/// Number of parameters of the network in [`SMALL`].
const LAYERS: usize = 4;

/// SHA-256 of the values of `W0 b0 W1 b1 …` in file order.
fn hash_of_file(bytes: Vec<u8>) -> String {
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
    let mut hasher = Sha256::new();
    for key in (0..LAYERS).flat_map(|layer| [format!("W{layer}.npy"), format!("b{layer}.npy")]) {
        let mut member = Vec::new();
        zip.by_name(&key).unwrap().read_to_end(&mut member).unwrap();
        assert_eq!(member[..8], *b"\x93NUMPY\x01\x00", "{key}");
        let header = usize::from(u16::from_le_bytes([member[8], member[9]]));
        assert!(String::from_utf8_lossy(&member[10..10 + header]).contains("'<f4'"), "{key}");
        hasher.update(&member[10 + header..]);
    }
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Rows of a table as name, planned and counted, from below `head` to the next empty line.
fn table<'a>(stdout: &'a str, head: &str) -> Vec<Vec<&'a str>> {
    let rows = stdout.lines().skip_while(|line| !line.starts_with(head));
    rows.skip(1).take_while(|line| !line.is_empty()).map(|line| line.split("  ").collect()).collect()
}

/// The last two columns.
fn last_two<'a>(row: &[&'a str]) -> [&'a str; 2] {
    let mut cells = row.iter().rev().map(|cell| cell.trim()).filter(|cell| !cell.is_empty());
    [cells.next().unwrap(), cells.next().unwrap()]
}

fn total(categories: &Value, column: &str) -> u64 {
    categories.as_object().unwrap().values().map(|both| both[column].as_u64().unwrap()).sum()
}

#[test]
fn results_go_to_stdout_and_narration_to_stderr() {
    let small = SMALL.replace("--epochs 1", "--epochs 2");
    let run = Folder::new().run(&format!("train {small} {CPU} --every 2"));
    let run = run.succeeded();
    let epochs: Vec<_> = run.stdout.lines().filter(|line| line.starts_with("epoch ")).collect();
    assert_eq!(epochs.len(), 2, "{run:#?}");
    for (index, line) in epochs.iter().enumerate() {
        assert!(line.starts_with(&format!("epoch {index}: loss 0.")), "{line}");
        assert!(line.contains(", test accuracy 0.") && line.ends_with(" s"), "{line}");
    }
    assert!(run.stdout.contains("\n6 steps in ") && run.stdout.contains("(cpu, cpu, "), "{run:#?}");
    assert!(run.stdout.contains("\nbuffers allocated after the first step: 0\n"), "{run:#?}");
    let hash = run.stdout.lines().last().unwrap().strip_prefix("weights sha256 ").unwrap();
    assert!(hash.len() == 64 && hash.bytes().all(|digit| digit.is_ascii_hexdigit()), "{hash}");

    assert!(run.stderr.contains("training 6,5x3,3 on ") && run.stderr.contains("(cpu, cpu, "), "{run:#?}");
    assert!(run.stderr.contains("plan every-2: 4 layers in 2 intervals, 1 layer recomputed"), "{run:#?}");
    assert!(!run.stdout.contains("plan every-2") && !run.stderr.contains("epoch 0"), "{run:#?}");
}

#[test]
fn tables_show_planned_and_counted_bytes() {
    let run = Folder::new().run(&format!("train {SMALL} {CPU} --every 2 --summary full")).succeeded();
    let by_category = table(&run.stdout, "device bytes");
    let names: Vec<_> = by_category.iter().map(|row| row[0].trim()).collect();
    assert_eq!(names[0], "parameters");
    assert!(names.contains(&"total") && !names.contains(&"optimizer"), "only what takes bytes: {names:?}");
    // Three intervals of the step: the forward sweep, then layers 2-3 and 0-1 backward.
    let by_interval = table(&run.stdout, "live bytes by interval");
    assert_eq!(by_interval.len(), 3, "{by_interval:?}");
    for row in by_category.iter().filter(|row| row.len() > 1).chain(&by_interval) {
        let [counted, planned] = last_two(row);
        assert_eq!(counted, planned, "{row:?}");
    }
}

#[test]
fn json_lines_have_every_field() {
    for device in [CPU, SOFTWARE] {
        let folder = Folder::new();
        let small = SMALL.replace("--epochs 1", "--steps 7");
        let events = folder.train(&format!("{small} {device} --every 2 --save w.npz"));
        let names: Vec<_> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
        assert_eq!(names, ["plan", "epoch", "epoch", "epoch", "done"], "7 steps, 3 an epoch, on {device}");
        assert!(events.iter().all(|event| event["schema"] == 5), "{events:#?}");

        let [plan, epochs @ .., done] = &events[..] else { unreachable!() };
        assert_eq!((&plan["strategy"], &plan["recomputed_layers"]), (&"every-2".into(), &1.into()));
        assert_eq!(plan["network"]["widths"], serde_json::json!([6, 5, 5, 5, 3]));
        for (index, epoch) in epochs.iter().enumerate() {
            assert_eq!(epoch["epoch"], index);
            assert!(epoch["loss"].as_f64().unwrap() > 0.0, "{epoch}");
            assert!((0.0..=1.0).contains(&epoch["accuracy"].as_f64().unwrap()), "{epoch}");
            assert!(epoch["seconds"].as_f64().unwrap() >= 0.0, "{epoch}");
        }

        assert_eq!(done["steps"], 7);
        assert!(done["seconds"].as_f64().unwrap() > 0.0);
        assert!(!done["device"]["name"].as_str().unwrap().is_empty());
        assert_eq!(done["device"]["type"], device.strip_prefix("--device ").unwrap());
        assert!(!done["device"]["backend"].as_str().unwrap().is_empty());
        let memory = &done["memory"];
        let peak = memory["planned_peak_bytes"].as_u64().unwrap();
        assert_eq!(memory["counted_peak_bytes"], peak);
        assert_eq!(plan["planned_peak_bytes"], peak);
        assert_eq!(
            [total(&memory["categories"], "planned"), total(&memory["categories"], "counted")],
            [peak; 2]
        );
        for (name, both) in memory["categories"].as_object().unwrap() {
            assert_eq!(both["planned"], both["counted"], "{name}");
            assert_eq!(both["planned"], plan["categories"][name], "{name}");
        }
        assert_eq!(memory["intervals"]["planned"], memory["intervals"]["counted"]);
        assert_eq!(memory["intervals"]["planned"].as_array().unwrap().len(), 3);
        assert_eq!(memory["allocations_after_first_step"], 0);
        assert_eq!(memory["objects_after_first_step"], 0);
        // Gather, forward, loss, two chunks of deltas and gradients, and a state that is recomputed between them.
        let dispatches = if device == SOFTWARE { Some(8) } else { None };
        assert_eq!(done["dispatches_a_step"].as_u64(), dispatches);
        for number in ["driver_allocated_bytes", "driver_reserved_bytes"] {
            // On the CPU there is no driver, and the fields say so.
            let known = memory[number].as_u64().is_some_and(|bytes| bytes >= peak);
            assert_eq!([known, memory[number].is_null()], [device == SOFTWARE, device == CPU], "{memory}");
            assert!(memory.get(number).is_some(), "{memory}");
        }
        assert_eq!(done["weights_sha256"], hash_of_file(folder.read("w.npz")), "{device}");
        assert_eq!(folder.files(), ["w.npz"]);
    }
}

#[test]
fn plan_shows_micro_batches() {
    let folder = Folder::new();
    let run =
        folder.run(&format!("train {SMALL} {CPU} --every 2 --micro-batch 2 --summary full")).succeeded();
    let words = "plan every-2: 4 layers in 2 intervals, in 4 micro-batches of 2, 1 layer recomputed for each";
    assert!(run.stderr.contains(words), "{run:#?}");
    assert_eq!(table(&run.stdout, "device bytes")[1][0].trim(), "gradients", "{run:#?}");
    assert!(run.stdout.contains("\n3 steps in "), "a step is a whole batch: {run:#?}");
    for (flag, micro_batch, parts) in [("", 8, 1), ("--micro-batch 8", 8, 1), ("--micro-batch 2", 2, 4)] {
        let plan = &folder.train(&format!("{SMALL} {CPU} {flag}"))[0];
        assert_eq!([&plan["micro_batch"], &plan["parts"]], [micro_batch, parts]);
    }
}

#[test]
fn every_strategy_is_bit_identical() {
    for device in [CPU, SOFTWARE] {
        let folder = Folder::new();
        let hashes: Vec<_> =
            (0..=LAYERS + 1).map(|n| folder.hash(&format!("{SMALL} {device} --every {n}"))).collect();
        assert!(hashes.iter().all(|hash| *hash == hashes[0]), "{device}: {hashes:?}");
    }
}

#[test]
fn hash_depends_on_seed_and_order_only() {
    let folder = Folder::new();
    for device in [CPU, SOFTWARE] {
        let hash = |more: &str| folder.hash(&format!("{SMALL} {device} {more}"));
        let first = hash("--seed 7");
        assert_eq!(first, hash("--seed 7"), "{device}");
        assert_ne!(first, hash("--seed 8"), "{device}");
        assert_ne!(first, hash("--seed 7 --no-shuffle"), "{device}");
    }
}

#[test]
fn placement_of_the_dataset_changes_no_bit() {
    let folder = Folder::new();
    for order in ["", "--no-shuffle"] {
        let hash = |more: &str| folder.hash(&format!("{SMALL} {SOFTWARE} {order} --dataset {more}"));
        assert_eq!(hash("device"), hash("host"), "{order}");
    }
}

#[test]
fn training_starts_from_a_saved_file() {
    let folder = Folder::new();
    for device in [CPU, SOFTWARE] {
        let small = format!("{SMALL} {device} --no-shuffle");
        let half = folder.hash(&format!("{small} --save half.npz"));
        let whole = folder.hash(&format!("{small} --init half.npz"));
        assert_ne!(half, whole, "{device}");
        assert_eq!(whole, folder.hash(&small.replace("--epochs 1", "--epochs 2")), "{device}");
        // The network's own shape is not enough: the numbers in the file count, not the seed.
        assert_eq!(whole, folder.hash(&format!("{small} --init half.npz --seed 9")), "{device}");
    }
}

#[test]
fn saving_over_a_file_replaces_it_and_leaves_nothing_else() {
    let folder = Folder::new();
    folder.write("w.npz", b"something old");
    let run = folder.run(&format!("train {SMALL} {CPU} --save w.npz")).succeeded();
    assert!(run.stderr.contains("parameters saved to w.npz"), "{run:#?}");
    assert!(run.stdout.ends_with(&format!("{}\n", hash_of_file(folder.read("w.npz")))), "{run:#?}");
    assert_eq!(folder.files(), ["w.npz"]);
}

#[test]
fn mnist_is_the_default_dataset() {
    let folder = Folder::new();
    let run = |device| {
        let mut command = folder.command(&format!("train --preset accuracy --json --steps 5 {device}"));
        outcome(command.current_dir(root())).succeeded().events()
    };
    let runs = [run(CPU), run(SOFTWARE), run("--device software --dataset host")];
    for events in &runs {
        assert_eq!(events[0]["network"]["widths"], serde_json::json!([784, 30, 30, 30, 30, 10]));
        assert_eq!((events.len(), &events[2]["steps"]), (3, &5.into()));
    }
    assert_eq!(runs[1][2]["weights_sha256"], runs[2][2]["weights_sha256"]);
}

#[test]
fn auto_without_a_gpu_chooses_the_cpu_and_says_so() {
    let run = Folder::new().run_without_drivers(&format!("train {SMALL}")).succeeded();
    assert!(run.stdout.contains("(cpu, cpu, ") || cfg!(not(target_os = "linux")), "{run:#?}");
    assert_eq!(
        run.stdout.contains("(cpu, cpu, "),
        run.stderr.contains("no hardware GPU found"),
        "it says why it is the cpu: {run:#?}"
    );
}

#[test]
fn closed_stdout_does_not_stop_training() {
    for json in ["", "--json"] {
        let folder = Folder::new();
        let mut command = folder.command(&format!("train {SMALL} {CPU} {json} --save w.npz"));
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success() && !stderr.contains("panicked"), "{stderr}");
        assert_eq!(hash_of_file(folder.read("w.npz")).len(), 64);
    }
}

#[test]
fn devices_are_listed_with_their_flags() {
    let folder = Folder::new();
    let text = folder.run("devices").succeeded().stdout;
    assert!(text.lines().any(|line| line.starts_with("--device software ")), "{text}");
    assert!(text.lines().last().unwrap().starts_with("--device cpu "), "{text}");
    let devices = folder.run("devices --json").succeeded().events();
    assert_eq!(devices.len(), text.lines().count());
    for device in &devices {
        assert_eq!((&device["schema"], &device["event"]), (&5.into(), &"device".into()));
        assert!(["gpu", "software", "cpu"].contains(&device["flag"].as_str().unwrap()), "{device}");
        let name = device["device"]["name"].as_str().unwrap();
        assert!(!name.is_empty() && text.contains(name), "{device}");
    }
    assert_eq!(devices[devices.len() - 1]["device"]["type"], "cpu");
}

#[test]
#[cfg(target_os = "linux")]
fn without_a_driver_only_the_cpu_is_listed() {
    let folder = Folder::new();
    let run = folder.run_without_drivers("devices").succeeded();
    assert!(run.stdout.starts_with("--device cpu ") && run.stdout.lines().count() == 1, "{run:#?}");
    assert!(run.stderr.contains("only the cpu backend can train"), "{run:#?}");
    assert_eq!(folder.run_without_drivers("devices --json").succeeded().events().len(), 1);
}

#[test]
fn help_lists_every_command_flag_and_exit_code() {
    let folder = Folder::new();
    let top = folder.run("--help").succeeded().stdout;
    for word in [
        "train",
        "check",
        "devices",
        "Exit codes: 0 done, 1 failed check or internal error, 2 usage",
        "7 device lost",
    ] {
        assert!(top.contains(word), "no {word:?} in {top}");
    }
    let flags = "data layers activation loss optimizer lr batch micro-batch epochs steps seed no-shuffle every device dataset \
                 init save log log-every save-config config verify-recompute json quiet help";
    for help in ["-h", "--help"] {
        let train = folder.run(&format!("train {help}")).succeeded().stdout;
        for flag in flags.split_whitespace() {
            assert!(train.contains(&format!("--{flag}")), "no --{flag} in {train}");
        }
        for choice in ["sigmoid", "tanh", "relu", "identity", "quadratic", "cross-entropy", "sgd", "software"]
        {
            assert!(train.contains(choice), "no {choice} in {train}");
        }
    }
    let check = folder.run("check --help").succeeded().stdout;
    for flag in ["preset", "layers", "activation", "loss", "batch", "seed", "device", "gradients", "json"] {
        assert!(check.contains(&format!("--{flag}")), "no --{flag} in {check}");
    }
    assert!(folder.run("devices --help").succeeded().stdout.contains("--json"));
    let version = folder.run("--version").succeeded().stdout;
    assert_eq!(version, concat!("ckpt-gpu ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn summaries_are_short_unless_more_or_nothing_is_asked_for() {
    let folder = Folder::new();
    let end = |flags: &str| {
        let run = folder.run(&format!("train {SMALL} {CPU} --every 2 {flags}")).succeeded();
        let lines = run.stdout.lines().filter(|line| !line.starts_with("epoch"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let short = end("");
    assert_eq!(short.len(), 4, "{short:#?}");
    assert!(short[0].contains(" bytes at the peak, planned and counted: parameters 452, "), "{short:#?}");
    assert!(short[3].starts_with("weights sha256 "), "{short:#?}");
    assert_eq!(end("--summary none"), [""; 0]);
    assert!(end("--summary full").len() > 10);
}
