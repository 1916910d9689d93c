//! `ckpt-gpu compare`: strategies side by side, from the same parameters.

use std::collections::BTreeMap;

use crate::common::{changed, root};
use crate::program::{Folder, SMALL};
use ckpt_gpu::config::{DeviceChoice, Settings, Widths};
use ckpt_gpu::data::{Dataset, EvaluatedOn, Inputs, Split};
use ckpt_gpu::model::Parameters;
use ckpt_gpu::report::{ComparisonSummary, text};
use ckpt_gpu::strategy::Strategy;
use ckpt_gpu::train::{Comparison, Machine};
use serde_json::Value;

#[track_caller]
fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no whole number"))
}

/// serde_json reads a number back to within its last bit.
fn close(expected: f64, found: &Value) -> bool {
    (found.as_f64().unwrap() - expected).abs() <= 1e-12 * expected
}

fn strategies(report: &Value) -> &[Value] {
    report["strategies"].as_array().unwrap()
}

/// What holds of every comparison.
fn check(report: &Value, repeats: usize) {
    let store_all = &strategies(report)[0];
    assert_eq!(store_all["strategy"], "store-all");
    for row in strategies(report) {
        let name = &row["strategy"];
        let memory = &row["memory"];
        for account in ["planned", "counted"] {
            let categories = memory["categories"].as_object().unwrap();
            let sum: u64 = categories.values().map(|both| number(&both[account])).sum();
            assert_eq!(sum, number(&memory[format!("{account}_peak_bytes")]), "{name}");
        }
        assert_eq!(memory["planned_peak_bytes"], memory["counted_peak_bytes"], "{name}");
        assert_eq!(memory["intervals"]["planned"], memory["intervals"]["counted"], "{name}");
        assert_eq!(row["equal_weights"], true, "{name}");
        let hashes = row["weights_sha256"].as_array().unwrap();
        assert_eq!(hashes, &vec![store_all["weights_sha256"][0].clone(); repeats], "{name}");
        assert_eq!(row["accuracy"], store_all["accuracy"], "{name}");
        let seconds = row["seconds"].as_array().unwrap();
        assert_eq!(seconds.len(), repeats, "{name}");
        assert!(seconds.iter().all(|seconds| seconds.as_f64().unwrap() > 0.0), "{name}");
        let saved = number(&store_all["memory"]["counted_peak_bytes"]) as i64
            - number(&memory["counted_peak_bytes"]) as i64;
        assert_eq!(row["saved_bytes"].as_i64(), Some(saved), "{name}");
    }
    assert_eq!((&store_all["time_ratio"], &store_all["predicted_time_ratio"]), (&1.0.into(), &1.0.into()));
}

fn strategies_agree(device: &str) {
    let folder = Folder::new();
    let flags = format!("{SMALL} --device {device}");
    let reports = "--report c.json --report c.csv --report c.svg --report c.html";
    let choices = "--every 2,auto,0,1,2 --budget 64MiB,1GiB --repeats 2";
    let run = folder.run(&format!("compare --json {flags} {choices} {reports}")).succeeded();
    let report: Value = serde_json::from_slice(&folder.read("c.json")).unwrap();
    assert_eq!(run.events(), std::slice::from_ref(&report));
    check(&report, 2);
    let names: Vec<_> = strategies(&report).iter().map(|row| row["strategy"].as_str().unwrap()).collect();
    assert_eq!(names[..2], ["store-all", "every-2"]);
    assert_eq!(names.iter().filter(|name| **name == "every-2").count(), 1, "{names:?}");
    assert!(names.ends_with(&["budget-67108864", "budget-1073741824"]), "{names:?}");
    assert_eq!(strategies(&report)[0]["weights_sha256"][0], folder.hash(&flags));

    // Where store-all does not take part, the first is what the others are held against.
    folder.train(&format!("{flags} --seed 7 --save start.npz"));
    let command = format!("compare {flags} --init start.npz --every 2,1 --repeats 1");
    let event = &folder.run(&format!("{command} --json")).succeeded().events()[0];
    let hash = Value::from(folder.hash(&format!("{flags} --init start.npz")));
    let [first, second] = strategies(event) else { panic!("{event}") };
    assert_eq!((&first["strategy"], &second["strategy"]), (&"every-2".into(), &"every-1".into()));
    assert_eq!((&first["weights_sha256"][0], &second["weights_sha256"][0]), (&hash, &hash));
    assert_eq!(first["saved_bytes"], 0);
    let shown = folder.run(&command).succeeded().stdout;
    assert!(shown.contains("of every-2 ") && !shown.contains("store-all"), "{shown}");

    let csv = String::from_utf8(folder.read("c.csv")).unwrap();
    let head: Vec<&str> = csv.lines().next().unwrap().split(',').collect();
    for (line, row) in csv.lines().skip(1).zip(strategies(&report)) {
        let cells: BTreeMap<_, _> = head.iter().copied().zip(line.split(',')).collect();
        assert_eq!(cells["strategy"], row["strategy"]);
        assert_eq!(cells["counted_peak_bytes"], row["memory"]["counted_peak_bytes"].to_string());
        assert!(close(cells["time_ratio"].parse().unwrap(), &row["time_ratio"]));
    }
    assert_eq!(csv.lines().count(), names.len() + 1);

    let svg = String::from_utf8(folder.read("c.svg")).unwrap();
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
    for name in &names {
        assert!(svg.contains(&format!(">{name}</text>")), "no label {name}");
    }

    let people = folder.run(&format!("compare {flags} {choices}")).succeeded();
    let names = names.iter().map(|name| (*name).to_owned());
    for words in names.chain(["by FLOPs".to_owned(), "test accuracy by epoch".to_owned()]) {
        assert!(people.stdout.contains(&words), "no {words:?} in {people:#?}");
    }
}

#[test]
fn cpu_strategies_agree() {
    strategies_agree("cpu");
}

#[test]
fn software_strategies_agree() {
    strategies_agree("software");
}

/// The notebook's table of peaks, at its own network.
#[test]
fn the_very_long_network_takes_less_the_more_it_recomputes() {
    let folder = Folder::new();
    let mnist = root().join("data/mnist.npz");
    let flags = "--preset very-long --steps 2 --repeats 1 --device cpu --json";
    let run = folder.run(&format!("compare --data {} {flags}", mnist.display())).succeeded();
    let report = &run.events()[0];
    check(report, 1);
    let of_all =
        |key: &str| -> Vec<Value> { strategies(report).iter().map(|row| row[key].clone()).collect() };
    assert_eq!(of_all("strategy"), ["store-all", "every-1", "every-2", "every-4", "every-10"]);
    assert_eq!(of_all("activation_bytes"), [616_000, 616_000, 324_000, 192_000, 180_000]);
    // FLOPs of the products: 24,420 multiply-adds a sample forward, of which 23,520 in layer 0 and 900 in a hidden one.
    let forward = 23_520 + 49 * 900 + 300;
    let store_all = 3 * forward - 23_520;
    let recomputed = [(0, 0), (0, 0), (1, 24), (1, 35), (1, 44)];
    for (row, (first, hidden)) in strategies(report).iter().zip(recomputed) {
        let expected = (store_all + first * 23_520 + hidden * 900) as f64 / f64::from(store_all);
        assert!(close(expected, &row["predicted_time_ratio"]), "{}", row["strategy"]);
        assert_eq!(row["recomputed_layers"], first + hidden, "{}", row["strategy"]);
    }
}

#[test]
fn weights_that_differ_are_told() {
    let inputs = (0..60).map(|n| (n * n % 17) as f32 / 17.0).collect();
    let split = Split::new(3, Inputs::F32(inputs), (0..20).map(|n| n % 2).collect::<Vec<_>>()).unwrap();
    let data = std::sync::Arc::new(Dataset {
        source: "test".into(),
        train: split.clone(),
        test: split,
        evaluated_on: EvaluatedOn::Test,
    });
    let settings = changed(Settings::notebook(), |s| {
        s.network.layers = Widths(vec![3, 4, 4, 2]);
        s.batching.batch = 5;
        s.optimization.epochs = 2;
        s.placement.device = DeviceChoice::Cpu;
    });
    let network = settings.network.build().unwrap();
    let start = Parameters::normal(&network, 5);
    let mut turns = 0;
    let strategies = [Strategy::EveryN(1), Strategy::EveryN(2), Strategy::StoreAll];
    let mut comparison = Comparison::run(&Machine::Cpu, &settings, &strategies, 3, &data, &start, |turn| {
        turns += 1;
        assert_eq!((turn.runs, turn.steps), (9, 8));
        assert!(turn.run < turn.runs && (1..=8).contains(&turn.step));
    })
    .unwrap();
    assert_eq!(turns, 9 * 8);
    let shown = |comparison: &Comparison| {
        text::comparison(&ComparisonSummary { network: &network, comparison }, usize::MAX)
    };
    assert!(!shown(&comparison).contains("DIFFER"));
    comparison.contenders[2].weights_sha256[1].replace_range(..1, "x");
    let equal: Vec<_> =
        comparison.contenders.iter().map(|contender| comparison.has_equal_weights(contender)).collect();
    assert_eq!(equal, [true, true, false]);
    assert_eq!(shown(&comparison).matches("DIFFER").count(), 1);
}

#[test]
fn slips_are_named_before_anything_trains() {
    let folder = Folder::new();
    let with = |flags: &str| folder.run(&format!("compare {SMALL} --device cpu {flags}"));
    with("--repeats 0").refused_at_once(2, &["--repeats", "found 0", "at least 1"]);
    with("--every 0,some").refused_at_once(2, &["--every", "'some'", "auto"]);
    with("--budget 1MiB,lots").refused_at_once(2, &["--budget", "'lots'"]);
    with("--budget 1GiB,300").refused_at_once(5, &["--budget", "found 300 bytes"]);
    let large = folder.run("compare --data small.npz --layers 6,5,3 --batch 25 --device cpu");
    large.refused_at_once(2, &["--batch", "24", "training samples"]);
    with("--repeats -1").refused_at_once(2, &["--repeats", "'-1'"]);
    with("--repeats 9223372036854775808 --every 0,1")
        .refused_at_once(2, &["--repeats", "found 9223372036854775808"]);
    with("--report x.trace").refused_at_once(2, &["'x.trace'", ".svg"]);
    with("--report x.trace.json").refused_at_once(2, &["'x.trace.json'", ".svg"]);
    with("--preset tiny").refused_at_once(2, &["--preset", "very-long"]);
    assert_eq!(folder.files(), [""; 0]);
}
