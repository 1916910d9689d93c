//! Sizes of batches that are left to the planner. Networks and budgets are those of a card of 8 GiB, scaled down.

use serde_json::Value;

use crate::program::{Folder, SMALL};

/// Steps of 512 samples of twenty-four hidden layers.
const DEEP: &str = "--data synthetic:blobs,samples=600,features=20,classes=10,seed=1 --hidden 64x24 --optimizer sgd --lr 0.01 \
                    --batch 512 --steps 2 --validation 0.1";

/// Fewer layers, which take less time to plan.
const SHORT: &str = "--data synthetic:blobs,samples=1200,features=20,classes=10,seed=1 --hidden 64x8 --optimizer sgd --lr 0.01 \
                     --steps 1 --validation 0.1";

#[track_caller]
fn plan(events: &[Value]) -> &Value {
    event(events, "plan")
}

#[track_caller]
fn event<'a>(events: &'a [Value], name: &str) -> &'a Value {
    events.iter().find(|event| event["event"] == name).unwrap()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no whole number"))
}

#[track_caller]
fn hash(events: &[Value]) -> &str {
    event(events, "done")["weights_sha256"].as_str().unwrap()
}

/// The plan of these flags.
#[track_caller]
fn planned(folder: &Folder, flags: &str) -> Value {
    folder.run(&format!("plan --json {flags}")).succeeded().events()[0]["plan"].clone()
}

/// Trains in micro-batches that `auto` chooses, checks what it promises, and returns their size.
fn micro_batches(device: &str, budget: &str) -> u64 {
    let folder = Folder::new();
    let flags = format!("{DEEP} --device {device}");
    let fixed = planned(&folder, &format!("{flags} --budget {budget} --micro-batch 512"));
    assert!(number(&fixed["recomputed_layers"]) > 0);
    let auto = format!("{flags} --budget {budget} --micro-batch auto");
    let events = folder.train(&format!("{auto} --save-config run.toml"));
    let (planned, memory) = (plan(&events), &event(&events, "done")["memory"]);
    let size = number(&planned["micro_batch"]);
    assert_eq!(number(&planned["recomputed_layers"]), 0);
    assert_eq!(size * number(&planned["parts"]), 512);
    assert_eq!(number(&memory["planned_peak_bytes"]), number(&memory["counted_peak_bytes"]));
    // The file of flags gives the size.
    let kept = String::from_utf8(folder.read("run.toml")).unwrap();
    assert!(kept.contains(&format!("micro-batch = {size}\n")), "{kept}");
    let snapshots = "--snapshot stopped --snapshot-every 1";
    assert_eq!(hash(&folder.train(&format!("--config run.toml {snapshots}"))), hash(&events));
    // A run is resumed in the size that it began with, whatever would be chosen now.
    std::fs::remove_file(folder.path("stopped/step-000000000002.ckpt")).unwrap();
    let larger = auto.replace(budget, "1GiB");
    let resumed = folder.train(&format!("{larger} {snapshots} --resume"));
    assert_eq!(number(&plan(&resumed)["micro_batch"]), size);
    assert_eq!(hash(&resumed), hash(&events));
    size
}

#[test]
fn cpu_micro_batches_store_what_the_whole_batch_recomputes() {
    let size = micro_batches("cpu", "3MiB");
    assert!((16..512).contains(&size), "{size}");
}

#[test]
fn software_micro_batches_keep_the_bits_where_they_can() {
    let size = micro_batches("software", "3MiB");
    assert_eq!(size, 256);
    // In less, it is 128 samples that store all.
    let less = format!("{DEEP} --device software --budget 1800KiB --micro-batch auto");
    let planned = planned(&Folder::new(), &less);
    assert_eq!((number(&planned["micro_batch"]), number(&planned["recomputed_layers"])), (128, 0));
}

/// The batch that `auto` takes within `budget` is the last of which nothing is recomputed in one piece.
fn batch(folder: &Folder, device: &str, budget: &str, step: u64) -> u64 {
    let flags = format!("{SHORT} --device {device} --budget {budget}");
    let of = |plan: &Value| {
        let [size, parts, recomputed] =
            ["micro_batch", "parts", "recomputed_layers"].map(|key| number(&plan[key]));
        (size * parts, recomputed > 0 || parts > 1)
    };
    let (batch, is_short) = of(plan(&folder.train(&format!("{flags} --batch auto --save-config auto.toml"))));
    assert!(!is_short, "{batch}");
    let next = batch + step;
    assert_eq!(of(&planned(folder, &format!("{flags} --batch {next}"))), (next, true));
    let kept = String::from_utf8(folder.read("auto.toml")).unwrap();
    assert!(kept.contains(&format!("\nbatch = {batch}\n")), "{kept}");
    batch
}

#[test]
fn cpu_batch_fills_its_budget() {
    let folder = Folder::new();
    assert_eq!(batch(&folder, "cpu", "1MiB", 8) % 8, 0);
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
    assert_eq!(batch(&Folder::new(), "software", "2MiB", 256) % 256, 0);
}

/// The best parameters are kept beside those of training, and take as much.
#[test]
fn cpu_sizes_leave_room_for_the_best_parameters() {
    let folder = Folder::new();
    let parameters = 4 * ((20 + 1) * 64 + 7 * (64 + 1) * 64 + (64 + 1) * 10);
    for sizes in ["--batch auto", "--batch 512 --micro-batch auto"] {
        let flags = format!("{SHORT} --device cpu {sizes} --budget");
        let run = |budget: u64, best: &str| {
            let events = folder.train(&format!("{flags} {budget} {best}"));
            let memory = &event(&events, "done")["memory"];
            assert_eq!(number(&memory["planned_peak_bytes"]), number(&memory["counted_peak_bytes"]));
            assert!(number(&memory["counted_peak_bytes"]) <= budget, "{sizes} {memory}");
            ["micro_batch", "parts", "recomputed_layers"].map(|key| number(&plan(&events)[key]))
        };
        let alone = run(1 << 20, "");
        assert_eq!(run((1 << 20) + parameters, "--keep-best loss"), alone, "{sizes}");
        let beside = run(1 << 20, "--keep-best loss");
        assert_eq!(run((1 << 20) - parameters, ""), beside, "{sizes}");
        assert_ne!(beside, alone, "{sizes}");
    }
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
