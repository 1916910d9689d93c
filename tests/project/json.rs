//! `docs/reference/json.md` names every key that the program prints, and no other.

use std::collections::BTreeSet;

use ckpt_gpu::check::{Check, Verdict};
use ckpt_gpu::report;
use serde_json::Value;

use crate::markdown::{Page, code_spans};
use crate::program::{Folder, SMALL};

/// Keys that tests/cli/check.rs reads, as all checks take too long here, and those of `bench`, which needs a GPU or a software
/// driver.
const READ_ELSEWHERE: [&str; 8] = [
    "checks",
    "failed",
    "dispatch_seconds",
    "recording_seconds",
    "submission_seconds",
    "peak_flops_per_second",
    "copied_bytes_per_second",
    "products",
];

#[test]
fn keys_are_those_of_the_reference() {
    let printed = printed_keys();
    let page = Page::read("docs/reference/json.md");
    let spans: BTreeSet<&str> = page.prose().flat_map(code_spans).collect();
    let unknown: Vec<_> = printed.iter().filter(|key| !spans.contains(key.as_str())).collect();
    assert!(unknown.is_empty(), "not in {}: {unknown:?}", page.path);

    let stale: Vec<_> = (documented_keys(&page).into_iter())
        .filter(|key| !printed.contains(*key) && !READ_ELSEWHERE.contains(key))
        .collect();
    assert!(stale.is_empty(), "only in {}: {stale:?}", page.path);
}

#[test]
fn software_bench_has_the_keys_of_the_reference() {
    let mut printed = BTreeSet::new();
    for event in Folder::new().run("bench --device software --json").succeeded().events() {
        collect(&event, &mut printed);
    }
    assert!(READ_ELSEWHERE[2..].iter().all(|&key| printed.contains(key)), "{printed:?}");
    let page = Page::read("docs/reference/json.md");
    let spans: BTreeSet<&str> = page.prose().flat_map(code_spans).collect();
    let unknown: Vec<_> = printed.iter().filter(|key| !spans.contains(key.as_str())).collect();
    assert!(unknown.is_empty(), "not in {}: {unknown:?}", page.path);
}

/// Every key of the objects that commands print and reports hold.
fn printed_keys() -> BTreeSet<String> {
    let folder = Folder::new();
    let mut keys = BTreeSet::new();
    let small = format!("{SMALL} --device cpu");
    let runs =
        "data = 'small.npz'\nbatch = 8\nhidden = '4'\ndevice = 'cpu'\n[sweep]\nfolds = 2\nlr = [0.1, 0.2]\n";
    folder.write("sweep.toml", runs.as_bytes());
    for arguments in [
        format!("train {small} --json --every 2 --save model.npz --report run.json"),
        format!("train {small} --json --keep-best loss --evaluate-every 2 --evaluate-training"),
        format!("plan {small} --json --every 2"),
        format!("plan {small} --json --solve-for batch --budget 1MiB"),
        format!("compare {small} --json --every 0,2 --repeats 1"),
        format!("find-lr {} --device cpu --json", SMALL.replace(" --epochs 1 --lr 0.5", "")),
        "sweep sweep.toml --results kept --json".to_owned(),
        "eval model.npz --data small.npz --batch 3 --device cpu --json --report eval.json".to_owned(),
        "devices --json".to_owned(),
    ] {
        for event in folder.run(&arguments).succeeded().events() {
            collect(&event, &mut keys);
        }
    }
    for report in ["run.json", "eval.json"] {
        collect(&serde_json::from_slice(&folder.read(report)).unwrap(), &mut keys);
    }
    let check = Check { name: "x", figure: 0.0, bound: 1.0, verdict: Verdict::Holds, detail: String::new() };
    collect(&report::json::check(&check), &mut keys);
    // Only regression has these, and only devices with a clock give times.
    let others = ["mse", "rmse", "mae", "r2", "outputs", "predicted", "targets", "start", "end"];
    keys.extend(others.map(str::to_owned));
    keys
}

fn collect(value: &Value, keys: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                keys.insert(key.clone());
                collect(value, keys);
            }
        }
        Value::Array(items) => {
            for item in items {
                collect(item, keys);
            }
        }
        _ => {}
    }
}

/// The first column of tables that list keys.
fn documented_keys(page: &Page) -> BTreeSet<&str> {
    let mut keys = BTreeSet::new();
    let mut lists_keys = false;
    for line in page.prose() {
        if !line.starts_with('|') {
            lists_keys = false;
        } else if line.starts_with("| key |") {
            lists_keys = true;
        } else if lists_keys {
            keys.extend(code_spans(line.split('|').nth(1).unwrap_or_default()));
        }
    }
    assert!(keys.len() > 60, "{keys:?}");
    keys
}
