//! Sizes of batches that are left to the planner. Networks and budgets are those of a card of 8 GiB, scaled down.

use serde_json::Value;

use crate::program::{Folder, SMALL};

/// A step of 1,024 samples of forty-eight hidden layers.
const DEEP: &str = "--data synthetic:blobs,samples=1200,features=20,classes=10,seed=1 --hidden 64x48 --optimizer sgd --lr 0.01 \
                    --steps 2 --validation 0.1";

/// Fewer layers, which take less time to plan.
const SHORT: &str = "--data synthetic:blobs,samples=1200,features=20,classes=10,seed=1 --hidden 64x16 --optimizer sgd --lr 0.01 \
                     --steps 1 --validation 0.1";

#[track_caller]
fn plan(events: &[Value]) -> &Value {
    events.iter().find(|event| event["event"] == "plan").unwrap()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no whole number"))
}

fn hash(events: &[Value]) -> &Value {
    &events.last().unwrap()["weights_sha256"]
}

/// Trains in micro-batches that `auto` chooses, checks what it promises, and returns their size.
fn micro_batches(device: &str, budget: &str) -> u64 {
    let folder = Folder::new();
    let flags = format!("{DEEP} --batch 1024 --device {device}");
    let fixed = folder.train(&format!("{flags} --budget {budget} --micro-batch 1024"));
    assert!(number(&plan(&fixed)["recomputed_layers"]) > 0);
    let auto = format!("{flags} --budget {budget} --micro-batch auto");
    let events = folder.train(&format!("{auto} --save-config run.toml"));
    let (planned, memory) = (plan(&events), &events.last().unwrap()["memory"]);
    let size = number(&planned["micro_batch"]);
    assert_eq!(number(&planned["recomputed_layers"]), 0);
    assert_eq!(size * number(&planned["parts"]), 1024);
    assert_eq!(memory["planned_peak_bytes"], memory["counted_peak_bytes"]);
    // The file of flags gives the size.
    let kept = String::from_utf8(folder.read("run.toml")).unwrap();
    assert!(kept.contains(&format!("micro-batch = {size}\n")), "{kept}");
    assert_eq!(hash(&folder.train("--config run.toml")), hash(&events));
    // A run is resumed in the size that it began with, whatever would be chosen now.
    let stopped = format!("{auto} --snapshot stopped --snapshot-every 1");
    folder.train(&stopped);
    std::fs::remove_file(folder.path("stopped/step-000000000002.ckpt")).unwrap();
    let larger = stopped.replace(budget, "1GiB");
    let resumed = folder.train(&format!("{larger} --resume"));
    assert_eq!(number(&plan(&resumed)["micro_batch"]), size);
    assert_eq!(hash(&resumed), hash(&events));
    size
}

#[test]
fn cpu_micro_batches_store_what_the_whole_batch_recomputes() {
    let size = micro_batches("cpu", "5MiB");
    assert!((16..1024).contains(&size), "{size}");
}

#[test]
fn software_micro_batches_keep_the_bits_where_they_can() {
    let size = micro_batches("software", "9MiB");
    assert!(size.is_multiple_of(256), "{size}");
    // In less, it is 128 samples that store all.
    let less = format!("plan --json {DEEP} --batch 1024 --device software --budget 4MiB --micro-batch auto");
    let planned = &Folder::new().run(&less).succeeded().events()[0]["plan"];
    assert_eq!((number(&planned["micro_batch"]), number(&planned["recomputed_layers"])), (128, 0));
}

/// The batch that `auto` takes within `budget` is the last of which nothing is recomputed in one piece.
fn batch(folder: &Folder, device: &str, budget: &str, step: u64) -> u64 {
    let flags = format!("{SHORT} --device {device} --budget {budget}");
    let of = |batch: &str| {
        let events = folder.train(&format!("{flags} --batch {batch} --save-config {batch}.toml"));
        let [size, parts, recomputed] =
            ["micro_batch", "parts", "recomputed_layers"].map(|key| number(&plan(&events)[key]));
        (size * parts, recomputed > 0 || parts > 1)
    };
    let (batch, is_short) = of("auto");
    assert!(!is_short, "{batch}");
    assert_eq!(of(&(batch + step).to_string()), (batch + step, true));
    let kept = String::from_utf8(folder.read("auto.toml")).unwrap();
    assert!(kept.contains(&format!("\nbatch = {batch}\n")), "{kept}");
    batch
}

#[test]
fn cpu_batch_fills_its_budget() {
    let folder = Folder::new();
    assert_eq!(batch(&folder, "cpu", "2MiB", 8) % 8, 0);
    let all = folder.run(&format!("train {SHORT} --device cpu --budget 1GiB --batch auto")).succeeded();
    assert!(
        all.stderr.contains("--batch auto takes mini-batches of 1,080: all training samples"),
        "{all:#?}"
    );
    // Less than eight samples can be stored, or none.
    let least = folder.train(&format!("{SHORT} --device cpu --batch 1"));
    let least = number(&plan(&least)["planned_peak_bytes"]);
    let flags = format!("train {SHORT} --device cpu --batch auto --budget");
    let one = folder.run(&format!("{flags} {least}")).succeeded();
    assert!(one.stderr.contains("--batch auto takes mini-batches of 1: the most whose"), "{one:#?}");
    let less = folder.run(&format!("{flags} {}", least - 1)).succeeded();
    assert!(less.stderr.contains("in one piece, with recomputation"), "{less:#?}");
    folder.run(&format!("{flags} 1000")).refused_at_once(5, &["found 1000 bytes", "fewer layers"]);
}

#[test]
fn software_batch_fills_its_budget() {
    assert_eq!(batch(&Folder::new(), "software", "4MiB", 256) % 256, 0);
}

#[test]
fn every_command_takes_sizes_that_are_left_open() {
    let folder = Folder::new();
    let small = SMALL.replace("--batch 8 --epochs 1 --lr 0.5", "--device cpu --budget 3100");
    for sizes in ["--batch auto", "--batch 24 --micro-batch auto"] {
        let told = sizes.replace("--batch 24 ", "");
        for command in
            ["train --steps 1", "plan", "find-lr --steps 10", "compare --every 0,2 --repeats 1 --steps 1"]
        {
            let small =
                if command.starts_with("compare") { small.replace("3100", "9000") } else { small.clone() };
            let run = folder.run(&format!("{command} {small} {sizes}")).succeeded();
            assert_eq!(run.stderr.matches(&told).count(), 1, "{command} {run:#?}");
        }
        let sizes = sizes
            .replace(" auto", " = 'auto'")
            .replace("--batch 24", "batch = 24")
            .replace("--micro", "\nmicro");
        let sizes = sizes.replace("--", "");
        let sweep = format!(
            "data = 'small.npz'\nhidden = '4'\ndevice = 'cpu'\nsteps = 1\nbudget = '9KiB'\n{sizes}\n[sweep]\nlr = [0.1, 0.2]\n"
        );
        folder.write("sweep.toml", sweep.as_bytes());
        let results = format!("results{}", sizes.len());
        let run = folder.run(&format!("sweep sweep.toml --results {results}")).succeeded();
        assert!(run.stderr.contains(&told), "{run:#?}");
    }
}
