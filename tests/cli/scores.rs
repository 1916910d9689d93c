//! Scores and evaluations in reports: those of `eval`, in every format.

use std::collections::BTreeMap;

use crate::program::{Folder, SMALL};
use serde_json::Value;

#[track_caller]
fn parsed(folder: &Folder, name: &str) -> Value {
    serde_json::from_slice(&folder.read(name)).unwrap()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("{value} is no list"))
}

/// A table of curves with two targets, the first of which has a large mean, and names that need quotes.
fn curves(folder: &Folder, name: &str, from: usize) {
    let row = |at: usize| {
        let x = at as f64 / 40.0;
        format!("{x},{},{}\n", 1000.0 + 50.0 * x.sin(), 0.01 * x)
    };
    let rows: String = (from..from + 120).map(row).collect();
    folder.write(name, format!("x,\"price \"\"high\"\"\",b\n{rows}").as_bytes());
}

/// Holds numbers to each other, to a relative difference that rounding explains.
#[track_caller]
fn is_close(found: &Value, expected: &Value) {
    match (found, expected) {
        (Value::Object(found), Value::Object(expected)) => {
            assert!(found.keys().eq(expected.keys()));
            found.iter().for_each(|(key, value)| is_close(value, &expected[key]));
        }
        (Value::Array(found), Value::Array(expected)) => {
            assert_eq!(found.len(), expected.len());
            found.iter().zip(expected).for_each(|(found, expected)| is_close(found, expected));
        }
        _ => match (found.as_f64(), expected.as_f64()) {
            (Some(found), Some(expected)) => {
                assert!((found - expected).abs() <= 1e-5 * expected.abs(), "{found}, expected {expected}");
            }
            _ => assert_eq!(found, expected),
        },
    }
}

#[test]
fn scores_of_a_run_are_those_of_its_saved_model() {
    let folder = Folder::new();
    let flags = "--data small.npz --layers 6,8,3 --batch 8 --epochs 3 --lr 0.1 --device cpu --keep-best loss";
    let events =
        folder.train(&format!("{flags} --evaluate-every 2 --evaluate-training --save m.npz --report r.json"));
    let ask = "eval m.npz --data small.npz --batch 8 --device cpu";
    let told = folder.run(&format!("{ask} --json --report e.json --report e.csv")).succeeded().events();
    let (run, evaluated) = (parsed(&folder, "r.json"), parsed(&folder, "e.json"));
    let results = list(&run["results"]);
    assert_eq!(results.len(), 1);
    assert_eq!((&results[0]["evaluated_on"], &results[0]["samples"]), (&"test".into(), &9.into()));
    assert_eq!(results[0]["scores"], told[0]["scores"]);
    for key in ["scores", "names", "samples", "most_confused", "predictions"] {
        assert_eq!(evaluated["results"][0][key], results[0][key], "{key}");
    }
    for key in ["planned_peak_bytes", "counted_peak_bytes"] {
        assert_eq!(evaluated[key], told[0][key], "{key}");
    }
    let settings = &evaluated["settings"];
    assert_eq!(
        (&settings["model"], &settings["data"], &settings["batch"]),
        (&"m.npz".into(), &"small.npz".into(), &8.into())
    );

    // Every evaluation that was told, in order.
    let evaluations = list(&run["run"]["evaluations"]);
    let told: Vec<_> =
        (events.iter()).filter(|event| event["event"] == "epoch" || event["event"] == "evaluation").collect();
    assert_eq!(evaluations.len(), told.len());
    for (evaluation, told) in evaluations.iter().zip(told) {
        for key in ["test_loss", "accuracy", "evaluated_on", "training_loss", "training_accuracy"] {
            assert_eq!(evaluation[key], told[key], "{key}");
        }
        if told["event"] == "evaluation" {
            assert_eq!((&evaluation["steps"], &evaluation["loss"]), (&told["steps"], &told["loss"]));
        } else {
            assert_eq!(evaluation["epoch"], told["epoch"]);
        }
    }
    let steps: Vec<_> = evaluations.iter().map(|one| one["steps"].as_u64().unwrap()).collect();
    assert_eq!(steps, [2, 3, 4, 6, 8, 9]);

    let csv = String::from_utf8(folder.read("e.csv")).unwrap();
    let lines: Vec<Vec<&str>> = csv.lines().map(|line| line.split(',').collect()).collect();
    let by_class = list(&results[0]["scores"]["by_class"]);
    assert_eq!(lines.len(), by_class.len() + 1);
    for (label, (line, class)) in lines[1..].iter().zip(by_class).enumerate() {
        let cells: BTreeMap<_, _> = lines[0].iter().zip(line).collect();
        assert_eq!(*cells[&"class"], label.to_string());
        for key in ["samples", "precision", "recall", "f1", "roc_auc", "average_precision"] {
            let expected = class[key].as_f64();
            assert_eq!(cells[&key].parse().ok(), expected, "{key}");
        }
    }
}

#[test]
fn scores_of_a_regression_are_in_the_units_of_the_data() {
    let folder = Folder::new();
    curves(&folder, "curves.csv", 0);
    let mut command = folder
        .command("train --data curves.csv --hidden 8 --loss mse --validation 0.25 --epochs 5 --device cpu");
    command.args([
        "--target",
        "price \"high\",b",
        "--save",
        "m.npz",
        "--report",
        "r.json",
        "--report",
        "r.md",
    ]);
    crate::program::outcome(&mut command).succeeded();
    let ask = "eval m.npz --data curves.csv --validation 0.25 --device cpu";
    let told = folder.run(&format!("{ask} --json --report e.csv --report e.md")).succeeded().events();
    let run = parsed(&folder, "r.json");
    let result = &run["results"][0];
    assert_eq!((&result["evaluated_on"], &result["samples"]), (&"validation".into(), &30.into()));
    assert_eq!(result["names"], serde_json::json!(["price \"high\"", "b"]));
    is_close(&result["scores"], &told[0]["scores"]);
    let outputs = list(&result["predictions"]["outputs"]);
    let [first, second] = [0, 1].map(|at| outputs[at]["targets"][7].as_f64().unwrap());
    // Both targets of a row follow from the same x.
    assert!((first - (1000.0 + 50.0 * (second / 0.01).sin())).abs() < 0.01, "{first}, {second}");

    let csv = String::from_utf8(folder.read("e.csv")).unwrap();
    let (head, first) = (csv.lines().next().unwrap(), csv.lines().nth(1).unwrap());
    assert_eq!(head, "output,mse,rmse,mae,r2,explained_variance");
    let cells = first.strip_prefix("\"price \"\"high\"\"\",").unwrap();
    let expected = &told[0]["scores"]["by_output"][0];
    for (cell, key) in cells.split(',').zip(["mse", "rmse", "mae", "r2", "explained_variance"]) {
        assert_eq!(cell.parse().ok(), expected[key].as_f64(), "{key}");
    }
}

#[test]
fn a_report_has_the_scores_of_validation_and_test_splits() {
    let folder = Folder::new();
    let flags = format!("{SMALL} --device cpu --validation 0.25 --save m.npz");
    let events = folder.train(&format!("{flags} --report r.json"));
    let run = parsed(&folder, "r.json");
    let splits: Vec<_> =
        list(&run["results"]).iter().map(|result| result["evaluated_on"].as_str().unwrap()).collect();
    assert_eq!(splits, ["validation", "test"]);
    let test = events.last().unwrap();
    assert_eq!((&test["event"], &run["results"][1]["scores"]), (&"test".into(), &test["scores"]));
    assert_eq!(run["results"][0]["samples"], 6);
}

/// A resumed run that had ended has no evaluations of its own, but a result.
#[test]
fn a_resumed_run_reports_the_scores_of_its_result() {
    let folder = Folder::new();
    let flags = format!("{SMALL} --device cpu --snapshot run");
    folder.train(&format!("{flags} --report r.json"));
    folder.train(&format!("{flags} --resume --report again.json --report again.md"));
    let (first, again) = (parsed(&folder, "r.json"), parsed(&folder, "again.json"));
    assert!(list(&again["run"]["evaluations"]).is_empty());
    assert_eq!(first["results"], again["results"]);
}

#[test]
fn reports_of_evaluations_are_checked_before_the_work() {
    let folder = Folder::new();
    folder.train(&format!("{SMALL} --device cpu --save m.npz"));
    let eval =
        |report: &str| folder.run(&format!("eval m.npz --data small.npz --device cpu --report {report}"));
    eval("e.svg").refused_at_once(2, &["--report", "'e.svg'", ".json, .csv, .html or .md"]);
    eval("e.trace.json").refused_at_once(2, &["--report", "'e.trace.json'"]);
    eval("none/e.json").refused_at_once(3, &["none/e.json", "cannot be written to"]);
    eval("e.json --report e.json").refused_at_once(2, &["--report: found e.json, which --report names"]);
    assert_eq!(folder.files(), ["m.npz"]);
}
