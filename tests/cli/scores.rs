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

/// A run on data without splits holds out a tenth of the samples.
#[test]
fn eval_says_which_samples_it_scores() {
    let folder = Folder::new();
    curves(&folder, "curves.csv", 0);
    let flags = "--data curves.csv --target b --loss mse --hidden 8 --batch 20 --device cpu --seed 3";
    folder.train(&format!("{flags} --epochs 2 --save m.npz --save-config run.toml --report run.json"));
    let config = String::from_utf8(folder.read("run.toml")).unwrap();
    assert!(config.contains("\nvalidation = 0.1\n"), "{config}");
    let eval = |more: &str| folder.run(&format!("eval m.npz --device cpu --json {more}")).succeeded();

    let all = eval("--data curves.csv");
    let note = "curves.csv has no test split: all of its 120 samples are used; if the network was trained on them, the \
                --validation (usually 0.1) and --seed of that run take only those that it held out";
    assert!(all.stderr.contains(note) && all.stderr.contains("m.npz with all 120 samples"), "{all:#?}");
    let event = &all.events()[0];
    assert_eq!((&event["samples"], &event["evaluated_on"]), (&120.into(), &Value::Null));

    let run = parsed(&folder, "run.json");
    for held_out in ["--config run.toml", "--data curves.csv --validation 0.1 --seed 3"] {
        let held = eval(held_out);
        assert!(held.stderr.contains("m.npz with 12 samples of the validation split"), "{held:#?}");
        let event = &held.events()[0];
        assert_eq!((&event["samples"], &event["evaluated_on"]), (&12.into(), &"validation".into()));
        is_close(&event["scores"], &run["results"][0]["scores"]);
    }
    folder.train(
        "--data small.npz --hidden 4 --batch 8 --epochs 1 --device cpu --save s.npz --save-config s.toml",
    );
    assert!(!String::from_utf8(folder.read("s.toml")).unwrap().contains("validation"));
    let test = folder.run("eval s.npz --data small.npz --device cpu").succeeded();
    assert!(test.stderr.contains("s.npz with 9 samples of the test split"), "{test:#?}");
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
    eval("none/e.json").refused_at_once(3, &["none/e.json", "cannot be written"]);
    eval("e.json --report e.json").refused_at_once(2, &["--report: found e.json, which --report names"]);
    assert_eq!(folder.files(), ["m.npz"]);
}

/// The file of a run names the run's reports, which another command must not replace.
#[test]
fn other_commands_do_not_take_reports_from_a_file() {
    let folder = Folder::new();
    folder.train(&format!(
        "{SMALL} --device cpu --save m.npz --report run.html --report step.trace.json --save-config run.toml"
    ));
    let before = ["run.html", "step.trace.json"].map(|name| folder.read(name));
    let eval = |flags: &str| folder.run(&format!("eval m.npz --config run.toml {flags}")).succeeded();
    let told = eval("").stderr;
    assert!(
        told.contains("run.toml: ignored flags that eval does not have: ")
            && told.contains("; ignored flags that eval takes from the command line only: report\n"),
        "{told}"
    );
    eval("--report e.json");
    for command in ["plan", "compare"] {
        let told = folder.run(&format!("{command} --config run.toml --every 2")).succeeded().stderr;
        let ignored = format!("flags that {command} takes from the command line only: report\n");
        assert!(told.contains(&ignored), "{told}");
    }
    assert_eq!(before, ["run.html", "step.trace.json"].map(|name| folder.read(name)));
    assert_eq!(folder.files(), ["e.json", "m.npz", "run.html", "run.toml", "step.trace.json"]);
    folder.write("own.toml", b"data = 'small.npz'\ndevice = 'cpu'\nreport = 'own.json'\n");
    let told = folder.run("eval m.npz --config own.toml").succeeded().stderr;
    assert!(
        told.contains("own.toml: ignored flags that eval takes from the command line only: report\n"),
        "{told}"
    );
}

#[test]
fn a_report_of_a_run_without_held_out_samples_has_no_scores() {
    let folder = Folder::new();
    curves(&folder, "curves.csv", 0);
    let run = folder
        .run("train --data curves.csv --target b --hidden 4 --loss mse --validation 0 --epochs 1 --device cpu --report r.json")
        .succeeded();
    let report = parsed(&folder, "r.json");
    assert_eq!(report["run"]["evaluations"][0]["evaluated_on"], "training");
    assert!(list(&report["results"]).is_empty());
    assert!(!run.stderr.contains("scores"), "{}", run.stderr);
}

/// The confusion matrix of a million classes takes 8 TB.
#[cfg(target_os = "linux")]
#[test]
fn scores_beyond_host_memory_are_left_out_of_reports() {
    let folder = Folder::new();
    let flags = "--data small.npz --layers 6,1,1000000 --activation relu --batch 2 --device cpu";
    let run = folder
        .run(&format!("train {flags} --steps 1 --optimizer sgd --save m.npz --report r.json --report r.md"))
        .succeeded();
    for words in [
        "no report has scores on the test split: ",
        "the counts of a confusion matrix of 1,000,000 classes take 8000000000000 bytes",
    ] {
        assert!(run.stderr.contains(words), "no {words:?} in {}", run.stderr);
    }
    let report = parsed(&folder, "r.json");
    assert!(list(&report["results"]).is_empty());
    assert_eq!(list(&report["run"]["evaluations"]).len(), 1);
    folder
        .run("eval m.npz --data small.npz --batch 2 --device cpu --report e.json")
        .refused(5, &["the counts of a confusion matrix of 1,000,000 classes"]);
}

/// Ctrl-C while the result is scored leaves the reports as they are.
#[cfg(unix)]
#[test]
fn interrupt_ends_scoring_and_keeps_the_report() {
    use std::process::{Command, Stdio};
    let folder = Folder::new();
    let samples = 300_000;
    let mut data = crate::program::small_data(3);
    for (name, shape, values) in &mut data {
        if name.ends_with("_test") {
            shape[0] = samples;
            let width = shape.get(1).copied().unwrap_or(1);
            *values = (0..samples * width).map(|at| (at % 3) as f32).collect();
        }
    }
    folder.write_npz("large.npz", &data);
    let flags = "--data large.npz --layers 6,512x9,3 --validation 0.25 --steps 1 --batch 8 --device cpu";
    let mut train = folder.command(&format!("train {flags} --json --report r.json --save m.npz"));
    let child = train.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let begun = std::time::Instant::now();
    while !folder.path("r.json").exists() && begun.elapsed().as_secs() < 60 {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    std::thread::sleep(std::time::Duration::from_millis(500));
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let outcome = child.wait_with_output().unwrap();
    let [stdout, stderr] = [&outcome.stdout, &outcome.stderr].map(|text| String::from_utf8_lossy(text));
    assert_eq!(outcome.status.code(), Some(130), "{stderr}");
    for words in [
        "computing scores for the report\n",
        "interrupted: leaving out scores that are not computed yet; interrupt again to stop at once\n",
        "no step is left, but some scores are missing; evaluate m.npz by ckpt-gpu eval\n",
    ] {
        assert!(stderr.contains(words), "no {words:?} in {stderr}");
    }
    assert!(!stdout.contains("\"event\":\"test\""), "{stdout}");
    let report = parsed(&folder, "r.json");
    let splits: Vec<_> = list(&report["results"]).iter().map(|result| &result["evaluated_on"]).collect();
    assert_eq!(splits, ["validation"]);
    assert_eq!(report["run"]["steps"], 1);
}

/// Names of files need not be UTF-8; JSON must be.
#[cfg(target_os = "linux")]
#[test]
fn reports_name_files_that_are_not_utf8() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let folder = Folder::new();
    let names = ["data\u{fffd}.npz", "model\u{fffd}.npz"];
    let [data, model] = [b"data\xff.npz", &b"model\xff.npz"[..]].map(OsStr::from_bytes);
    std::fs::copy(folder.path("small.npz"), folder.path("").join(data)).unwrap();
    folder.run(&format!("train {SMALL} --device cpu --save m.npz")).succeeded();
    std::fs::rename(folder.path("m.npz"), folder.path("").join(model)).unwrap();
    let mut train = folder.command("train --layers 6,5x3,3 --batch 8 --steps 1 --device cpu --report r.json --report r.md --report r.html");
    crate::program::outcome(train.arg("--data").arg(data).arg("--init").arg(model)).succeeded();
    let settings = &parsed(&folder, "r.json")["settings"];
    assert_eq!((&settings["data"], &settings["init"]), (&names[0].into(), &names[1].into()));
    let mut eval = folder.command("eval --device cpu --report e.json");
    crate::program::outcome(eval.arg(model).arg("--data").arg(data)).succeeded();
    let settings = &parsed(&folder, "e.json")["settings"];
    assert_eq!((&settings["data"], &settings["model"]), (&names[0].into(), &names[1].into()));
}

#[test]
fn scores_of_targets_that_do_not_vary_are_undefined() {
    let folder = Folder::new();
    let rows: String = (0..60).map(|at| format!("{at},{},7\n", at * at % 17)).collect();
    folder.write("flat.csv", format!("x,y,flat\n{rows}").as_bytes());
    let flags = "--data flat.csv --validation 0.5 --device cpu";
    folder
        .run(&format!("train {flags} --target y,flat --hidden 4 --loss mse --epochs 1 --save m.npz"))
        .succeeded();
    let told = folder.run(&format!("eval m.npz {flags} --report e.md")).succeeded().stdout;
    let flat = told.lines().find(|line| line.starts_with("flat")).unwrap();
    assert_eq!(flat.matches("undefined, as the targets do not vary").count(), 2, "{told}");
    assert!(!told.contains("\nall"), "{told}");
    let document = String::from_utf8(folder.read("e.md")).unwrap();
    let flat = document.lines().find(|line| line.starts_with("| flat |")).unwrap();
    assert!(flat.ends_with("| - | - |") && document.contains("\n| all |"), "{document}");
}
