//! Report files: what they hold is what was planned and counted, and they are written whole or not at all.

use std::collections::BTreeMap;
use std::fs;

use crate::program::{Folder, SMALL};
use serde_json::Value;

const CATEGORIES: [&str; 3] = ["checkpoints", "recomputed", "deltas"];
/// More actions than a GPU times at once, in micro-batches of two sizes of values.
const LONG: &str =
    "--data small.npz --layers 6,5x70,9x80,3 --batch 12 --micro-batch 6 --epochs 1 --lr 0.1 --every 7";

#[track_caller]
fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no whole number"))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_else(|| panic!("{value} is no list"))
}

fn parsed(folder: &Folder, name: &str) -> Value {
    serde_json::from_slice(&folder.read(name)).unwrap()
}

fn total(by_category: &Value) -> u64 {
    by_category.as_object().unwrap().values().map(number).sum()
}

/// The sums of a table of live bytes by category, action by action.
fn live_totals(columns: &Value) -> Vec<u64> {
    let columns = CATEGORIES.map(|category| list(&columns[category]));
    (0..columns[0].len()).map(|index| columns.iter().map(|column| number(&column[index])).sum()).collect()
}

/// What every report of a run must satisfy, whatever trained.
fn check_run(report: &Value) {
    let (plan, run) = (&report["plan"], &report["run"]);
    let memory = &run["memory"];
    for account in ["planned", "counted"] {
        let peak = number(&memory[format!("{account}_peak_bytes")]);
        let categories = memory["categories"].as_object().unwrap();
        assert_eq!(categories.values().map(|both| number(&both[account])).sum::<u64>(), peak, "{account}");
        assert_eq!(peak, number(&plan["planned_peak_bytes"]), "{account}");
        let rows = list(&memory["intervals"][account]);
        let peaks = rows.iter().map(|row| number(&row["live_peak_bytes"]));
        assert_eq!(peaks.max(), plan["planned_live_peak_bytes"].as_u64(), "{account}");
        for row in rows {
            assert_eq!(total(&row["live_bytes"]), number(&row["live_peak_bytes"]));
            let live =
                &live_totals(if account == "planned" { &plan["live_bytes"] } else { &run["live_bytes"] });
            let [from, to] = [0, 1].map(|end| number(&row["actions"][end]) as usize);
            assert_eq!(live[from..to].iter().max(), row["live_peak_bytes"].as_u64().as_ref());
            assert_eq!(live[number(&row["peak_action"]) as usize], number(&row["live_peak_bytes"]));
        }
    }
    assert_eq!(plan["live_bytes"], run["live_bytes"]);
    assert_eq!(plan["interval_peaks"], memory["intervals"]["counted"]);
    assert_eq!(total(&plan["categories"]), number(&plan["planned_peak_bytes"]));
    check_ledger(run);
}

/// What came and went, added up, must peak at what was counted.
fn check_ledger(run: &Value) {
    let mut now: BTreeMap<String, i64> = BTreeMap::new();
    let (mut sum, mut peak) = (0, (0, BTreeMap::new()));
    for event in list(&run["ledger"]) {
        let sign = if event["came"].as_bool().unwrap() { 1 } else { -1 };
        assert_eq!(total(&event["categories"]), number(&event["bytes"]), "{event}");
        assert!(event["label"].as_str().is_some_and(|label| !label.is_empty()), "{event}");
        for (category, bytes) in event["categories"].as_object().unwrap() {
            *now.entry(category.clone()).or_default() += sign * number(bytes) as i64;
        }
        sum += sign * number(&event["bytes"]) as i64;
        if sum > peak.0 {
            peak = (sum, now.clone());
        }
    }
    assert_eq!(peak.0 as u64, number(&run["memory"]["counted_peak_bytes"]));
    for (category, both) in run["memory"]["categories"].as_object().unwrap() {
        let found = peak.1.get(category).copied().unwrap_or(0);
        assert_eq!(found as u64, number(&both["counted"]), "{category}");
    }
}

/// The trace event format, as far as Perfetto's importer insists on it, and what the trace must say of `report`'s step.
fn check_trace(trace: &Value, report: &Value, timed: bool) {
    let actions = list(&report["plan"]["actions"]);
    let parts = if timed { number(&report["plan"]["parts"]) as usize } else { 1 };
    let live = &report["plan"]["live_bytes"];
    let (mut spans, mut counters) = (Vec::new(), Vec::new());
    for event in list(&trace["traceEvents"]) {
        assert!(event["pid"].is_u64() && event["name"].is_string(), "{event}");
        match event["ph"].as_str().unwrap() {
            "X" => {
                assert!(event["tid"].is_u64() && event["cat"].is_string(), "{event}");
                assert!(
                    event["ts"].as_f64().unwrap() >= 0.0 && event["dur"].as_f64().unwrap() >= 0.0,
                    "{event}"
                );
                if event["cat"] != "interval" {
                    spans.push(event);
                }
            }
            "C" => counters.push(event),
            "M" => assert!(event["args"]["name"].is_string(), "{event}"),
            other => panic!("{other}"),
        }
    }
    let busy = actions.iter().filter(|action| action["action"] != "release").count();
    assert_eq!(spans.len(), parts * busy);
    let times = spans.iter().map(|span| (span["ts"].as_f64().unwrap(), span["dur"].as_f64().unwrap()));
    let times: Vec<_> = times.collect();
    assert!(
        times.windows(2).all(|pair| pair[0].0 + pair[0].1 <= pair[1].0 + 1e-6),
        "actions follow each other"
    );
    assert!(times.iter().any(|(_, took)| *took > 0.0));

    assert_eq!(counters.len(), parts * actions.len());
    for (index, counter) in counters.iter().enumerate() {
        for category in CATEGORIES {
            assert_eq!(counter["args"][category], live[category][index % actions.len()], "{counter}");
        }
    }
}

fn every_format_tells_the_same(device: &str) {
    let folder = Folder::new();
    let flags = format!("{LONG} --device {device}");
    let reports = "--report run.json --report run.csv --report step.trace.json --report run.html";
    let events = folder.train(&format!("{flags} {reports}"));
    assert_eq!(folder.files(), ["run.csv", "run.html", "run.json", "step.trace.json"]);
    let (report, done) = (parsed(&folder, "run.json"), &events[events.len() - 1]);
    assert_eq!((&report["command"], &report["schema"]), (&"train".into(), &done["schema"]));
    for key in ["steps", "memory", "weights_sha256", "device"] {
        assert_eq!(report["run"][key], done[key], "{key}");
    }
    assert_eq!((&report["settings"]["lr"], &report["settings"]["data"]), (&0.1.into(), &"small.npz".into()));
    check_run(&report);
    check_trace(&parsed(&folder, "step.trace.json"), &report, true);
    let laps = list(&report["run"]["laps"]);
    assert_eq!(laps.len(), 2, "a list of laps for each micro-batch");

    // Timing takes its bytes on a GPU, but no bits.
    let untimed = folder.train(&format!("{flags} --report untimed.json"));
    assert_eq!(untimed[untimed.len() - 1]["weights_sha256"], done["weights_sha256"]);
    assert_eq!(parsed(&folder, "untimed.json")["run"]["laps"], Value::Array(Vec::new()));

    let csv = String::from_utf8(folder.read("run.csv")).unwrap();
    let lines: Vec<&str> = csv.lines().collect();
    let rows = list(&report["plan"]["interval_peaks"]);
    assert_eq!(lines.len(), rows.len() + 1);
    let head: Vec<&str> = lines[0].split(',').collect();
    for (line, row) in lines[1..].iter().zip(rows) {
        let cells: BTreeMap<_, _> = head.iter().copied().zip(line.split(',')).collect();
        assert_eq!(cells["part"], row["part"]);
        assert_eq!(cells["first_layer"], row["layers"][0].to_string());
        assert_eq!(cells["peak_action"], row["peak_action"].to_string());
        for account in ["planned", "counted"] {
            assert_eq!(cells[&*format!("{account}_peak_bytes")], row["live_peak_bytes"].to_string());
            for category in CATEGORIES {
                let cell = cells[&*format!("{account}_{category}_bytes")];
                assert_eq!(cell, row["live_bytes"][category].to_string());
            }
        }
    }
}

#[test]
fn cpu_formats_tell_the_same() {
    every_format_tells_the_same("cpu");
}

#[test]
fn software_formats_tell_the_same() {
    every_format_tells_the_same("software");
}

#[test]
fn a_plan_has_reports_too() {
    let folder = Folder::new();
    let reports = "--report plan.json --report plan.csv --report plan.trace.json --report plan.html";
    let run = folder.run(&format!("plan --json {LONG} --device cpu {reports}")).succeeded();
    let report = parsed(&folder, "plan.json");
    assert_eq!(run.events(), std::slice::from_ref(&report));
    assert!(report["run"].is_null());
    check_trace(&parsed(&folder, "plan.trace.json"), &report, false);
    let csv = String::from_utf8(folder.read("plan.csv")).unwrap();
    assert!(csv.lines().skip(1).all(|line| line.ends_with(",,,,")), "nothing was counted: {csv}");
}

#[test]
fn reports_that_cannot_be_written_are_refused_before_the_work() {
    let folder = Folder::new();
    fs::create_dir(folder.path("folder.json")).unwrap();
    for command in ["train", "plan", "compare"] {
        let with = |report: &str| folder.run(&format!("{command} {} --device cpu {report}", SMALL));
        with("--report run.xml").refused_at_once(2, &["--report", "'run.xml'", ".json", ".csv", ".html"]);
        with("--report json").refused_at_once(2, &["--report", "'json'"]);
        with("--report none/run.json").refused_at_once(3, &["none/run.json", "cannot be written"]);
        with("--report folder.json").refused_at_once(3, &["folder.json", "found a directory"]);
        with("--report a.csv --report a.csv")
            .refused_at_once(2, &["--report: found a.csv, which --report names"]);
        with("--report a.csv --report ./a.csv").refused_at_once(2, &["--report: found ./a.csv, which"]);
    }
    let train = |report: &str| folder.run(&format!("train {SMALL} --device cpu --report {report}"));
    train("x.svg").refused_at_once(2, &["'x.svg'", ".trace.json"]);
    assert_eq!(folder.files(), ["folder.json"]);
}

#[test]
fn an_existing_report_is_replaced_whole_or_left_alone() {
    let folder = Folder::new();
    folder.write("run.json", b"what was there");
    let diverging = "--data small.npz --layers 6,5,3 --batch 8 --epochs 1 --lr 1e30 --activation identity";
    let run = folder.run(&format!("train {diverging} --device cpu --report run.json"));
    run.refused(6, &["diverged"]);
    assert_eq!(folder.read("run.json"), b"what was there");
    folder.train(&format!("{SMALL} --device cpu --report run.json"));
    check_run(&parsed(&folder, "run.json"));
    assert_eq!(folder.files(), ["run.json"]);
}

#[test]
fn what_reads_states_back_is_not_timed() {
    let folder = Folder::new();
    let flags = format!("train {SMALL} --every 2 --device cpu --verify-recompute");
    let refused = folder.run(&format!("{flags} --report step.trace.json"));
    refused.refused_at_once(2, &["--verify-recompute", ".trace.json"]);
    folder.run(&format!("{flags} --report run.json")).succeeded();
    check_run(&parsed(&folder, "run.json"));
}

/// A trace costs bytes for the clock's readings, which a plan for such a run must have.
#[test]
fn software_plans_the_bytes_of_a_timed_run() {
    let folder = Folder::new();
    let flags = format!("{SMALL} --device software --report step.trace.json");
    let plan = folder.run(&format!("plan --json {flags}")).succeeded().events();
    let run = folder.train(&flags);
    let counted = &run[run.len() - 1]["memory"]["counted_peak_bytes"];
    assert_eq!(plan[0]["plan"]["planned_peak_bytes"], *counted);
}

/// The update of a clipped step comes after the last timed action.
#[test]
fn software_updates_after_a_timed_step_that_is_clipped() {
    let folder = Folder::new();
    let flags = format!("{SMALL} --device software --clip-norm 0.01");
    let weights = |flags: &str| {
        let events = folder.train(flags);
        events[events.len() - 1]["weights_sha256"].clone()
    };
    assert_eq!(weights(&format!("{flags} --report step.trace.json")), weights(&flags));
}

#[cfg(target_os = "linux")]
#[test]
fn results_that_cannot_be_written_are_an_error() {
    let folder = Folder::new();
    for command in ["plan", "compare --repeats 1 --every 0", "check --layers 3,2 --batch 2"] {
        let data = if command.starts_with("check") { "" } else { SMALL };
        let mut command = folder.command(&format!("{command} {data} --device cpu"));
        let status = command.stdout(fs::File::create("/dev/full").unwrap()).status().unwrap();
        assert_eq!(status.code(), Some(3), "{command:?}");
    }
}

#[cfg(unix)]
#[test]
fn links_and_rights_are_kept_and_what_is_no_file_is_refused() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = Folder::new();
    folder.write("there.json", b"what was there");
    fs::set_permissions(folder.path("there.json"), fs::Permissions::from_mode(0o600)).unwrap();
    symlink(folder.path("there.json"), folder.path("link.json")).unwrap();
    folder.train(&format!("{SMALL} --device cpu --report link.json"));
    check_run(&parsed(&folder, "there.json"));
    assert!(folder.path("link.json").is_symlink());
    let mode = fs::metadata(folder.path("there.json")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    symlink("/dev/null", folder.path("null.json")).unwrap();
    let refused = folder.run(&format!("train {SMALL} --device cpu --report null.json"));
    refused.refused_at_once(3, &["null.json", "found a pipe or a device"]);
}
