//! Reports in Markdown: their tables hold the figures of the JSON.

use std::collections::BTreeMap;
use std::fs;

use crate::program::{Folder, SMALL};
use serde_json::Value;

/// More intervals than a terminal shows, in two micro-batches.
const DEEP: &str =
    "--data small.npz --layers 6,5x70,3 --batch 12 --micro-batch 6 --epochs 2 --lr 0.001 --device cpu";
const CATEGORIES: [&str; 3] = ["checkpoints", "recomputed", "deltas"];

/// Rows of cells by column, without their markup.
type Rows = Vec<BTreeMap<String, String>>;

struct Document {
    json: Value,
    text: String,
    tables: BTreeMap<String, Rows>,
}

impl Document {
    /// The report of `command` as Markdown and as JSON.
    #[track_caller]
    fn of(folder: &Folder, command: &str) -> Self {
        folder.run(&format!("{command} --report r.md --report r.json")).succeeded();
        let text = String::from_utf8(folder.read("r.md")).unwrap();
        let json = serde_json::from_slice(&folder.read("r.json")).unwrap();
        let tables = text.split("\n## ").skip(1).map(|section| {
            let (title, body) = section.split_once("\n\n").unwrap();
            (title.to_owned(), rows(body.split("\n\n").next().unwrap()))
        });
        Document { json, tables: tables.collect(), text }
    }

    #[track_caller]
    fn table(&self, title: &str) -> &Rows {
        self.tables.get(title).unwrap_or_else(|| panic!("no table {title} in {}", self.text))
    }
}

/// A table, whose columns of numbers are the ones that are aligned to the right.
#[track_caller]
fn rows(table: &str) -> Rows {
    let mut lines = table.trim_end().lines().map(cells);
    let (head, alignment) = (lines.next().unwrap(), lines.next().unwrap());
    assert_eq!(head.len(), alignment.len(), "{table}");
    let rows: Vec<Vec<String>> = lines.collect();
    for row in &rows {
        assert_eq!(row.len(), head.len(), "{table}");
        for (cell, alignment) in row.iter().zip(&alignment) {
            let is_number =
                cell.is_empty() || cell == "-" || cell.trim_end_matches(" %").parse_number().is_some();
            match alignment.as_str() {
                "---:" => assert!(is_number, "{cell:?} is aligned to the right in {table}"),
                other => assert_eq!(other, ":---", "{table}"),
            }
        }
    }
    rows.into_iter().map(|row| head.iter().cloned().zip(row).collect()).collect()
}

trait ParseNumber {
    /// A number; a whole one has thousands separators.
    fn parse_number(&self) -> Option<f64>;
}

impl ParseNumber for str {
    fn parse_number(&self) -> Option<f64> {
        let groups: Vec<&str> = self.trim_start_matches('-').split(',').collect();
        let is_grouped = groups[0].len() <= 3 && groups[1..].iter().all(|group| group.len() == 3);
        self.replace(',', "").parse().ok().filter(|_| is_grouped || self.contains('.'))
    }
}

/// Cells of a line, as GitHub reads them: a backslash takes the next character as it is.
fn cells(line: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut characters = line.strip_prefix("| ").unwrap().strip_suffix(" |").unwrap().chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => cells.last_mut().unwrap().push(characters.next().unwrap()),
            '|' => cells.push(String::new()),
            '`' | '*' | '_' | '[' | '<' | '&' => panic!("{character} is markup in {line}"),
            _ => cells.last_mut().unwrap().push(character),
        }
    }
    cells.iter().map(|cell| cell.trim().to_owned()).collect()
}

/// Holds whole numbers of `row` to those of `figures`.
#[track_caller]
fn holds(row: &BTreeMap<String, String>, column: &str, figure: &Value) {
    let expected = figure.as_i64().unwrap_or_else(|| panic!("{figure} is no whole number"));
    assert_eq!(row[column].parse_number(), Some(expected as f64), "{column} of {row:?}");
}

#[track_caller]
fn holds_rounded(row: &BTreeMap<String, String>, column: &str, figure: &Value, digits: usize) {
    let expected = figure.as_f64().unwrap_or_else(|| panic!("{figure} is no number"));
    assert_eq!(row[column], format!("{expected:.digits$}"), "{column} of {row:?}");
}

#[track_caller]
fn holds_share(row: &BTreeMap<String, String>, column: &str, share: &Value) {
    assert_eq!(row[column], format!("{:.1} %", 100.0 * share.as_f64().unwrap()), "{column} of {row:?}");
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("{value} is no list"))
}

/// Holds the table of intervals to `intervals` of the JSON, all of them.
#[track_caller]
fn holds_intervals(rows: &Rows, intervals: &Value, peak: &str) {
    assert_eq!(rows.len(), list(intervals).len());
    for (row, interval) in rows.iter().zip(list(intervals)) {
        for category in CATEGORIES {
            holds(row, category, &interval["live_bytes"][category]);
        }
        holds(row, peak, &interval["live_peak_bytes"]);
        let first = interval["layers"][0].to_string();
        assert!(row["live bytes by interval"].contains(&first), "{row:?}");
    }
}

#[track_caller]
fn holds_choices(rows: &Rows, choices: &Value) {
    assert_eq!(rows.len(), list(choices).len());
    for (row, choice) in rows.iter().zip(list(choices)) {
        assert_eq!(row["strategy"], choice["strategy"]);
        holds(row, "device bytes", &choice["planned_peak_bytes"]);
        holds(row, "activation bytes", &choice["planned_activation_bytes"]);
        holds(row, "recomputed layers", &choice["recomputed_layers"]);
        holds_share(row, "of a forward pass", &choice["recomputed_share"]);
    }
}

#[test]
fn plan_has_the_figures_of_its_json() {
    let report = Document::of(&Folder::new(), &format!("plan {DEEP} --every 2"));
    let (plan, outlook) = (&report.json["plan"], &report.json["outlook"]);
    assert!(report.text.starts_with("# Plan every-2\n\nplan every-2: 71 layers in "), "{}", report.text);

    let bytes = report.table("Device memory");
    let (total, categories) = bytes.split_last().unwrap();
    holds(total, "planned", &plan["planned_peak_bytes"]);
    holds(total, "live at peak", &plan["planned_live_peak_bytes"]);
    for row in categories {
        holds(row, "planned", &plan["categories"][&row["device bytes"]]);
    }
    let present = plan["categories"].as_object().unwrap().values().filter(|bytes| **bytes != 0);
    assert_eq!(categories.len(), present.count());

    holds_intervals(report.table("Intervals"), &plan["interval_peaks"], "peak");
    assert!(report.table("Intervals").len() > 30);
    holds_choices(report.table("Least recomputation by memory"), &outlook["frontier"]);
    let (rows, levers) = (report.table("Other settings"), list(&outlook["levers"]));
    assert!(rows.len() > 5 && rows.len() == levers.len(), "{}", report.text);
    for (row, lever) in rows.iter().zip(levers) {
        assert_eq!(row["settings"], lever["change"]);
        holds(row, "micro-batch", &lever["micro_batch"]);
        holds(row, "device bytes", &lever["effect"]["planned_peak_bytes"]);
    }
}

#[test]
fn run_has_the_figures_of_its_json() {
    let report = Document::of(&Folder::new(), &format!("train {DEEP} --every 7"));
    let (run, memory) = (&report.json["run"], &report.json["run"]["memory"]);
    let hash = run["weights_sha256"].as_str().unwrap();
    assert!(report.text.contains(hash) && report.text.contains("\n4 steps in "), "{}", report.text);

    let (total, categories) = report.table("Device memory").split_last().unwrap();
    for account in ["planned", "counted"] {
        holds(total, account, &memory[format!("{account}_peak_bytes")]);
        for row in categories {
            holds(row, account, &memory["categories"][&row["device bytes"]][account]);
        }
    }
    for account in ["planned", "counted"] {
        let peak = format!("{account} peak");
        holds_intervals(report.table("Intervals"), &memory["intervals"][account], &peak);
    }
    let epochs = report.table("Epochs");
    assert_eq!(epochs.len(), 2);
    for (row, epoch) in epochs.iter().zip(list(&run["epochs"])) {
        holds(row, "epoch", &epoch["epoch"]);
        holds_rounded(row, "loss", &epoch["loss"], 6);
        holds_rounded(row, "test accuracy", &epoch["accuracy"], 4);
        holds_rounded(row, "test loss", &epoch["test_loss"], 6);
    }
    let settings = report.table("Settings");
    let settings: BTreeMap<&str, &str> =
        settings.iter().map(|row| (row["setting"].as_str(), row["value"].as_str())).collect();
    for (setting, value) in [("lr", "0.001"), ("layers", "6,5x70,3"), ("data", "small.npz"), ("init", "-")] {
        assert_eq!(settings[setting], value);
    }
}

#[test]
fn evaluations_and_scores_have_the_figures_of_the_json() {
    let flags = "--data small.npz --layers 6,5,3 --batch 8 --epochs 2 --lr 0.1 --device cpu";
    let report = Document::of(
        &Folder::new(),
        &format!("train {flags} --evaluate-every 2 --evaluate-training --validation 0.25"),
    );
    let evaluations = list(&report.json["run"]["evaluations"]);
    let rows = report.table("Evaluations");
    assert_eq!([rows.len(), evaluations.len()], [4; 2]);
    for (row, evaluation) in rows.iter().zip(evaluations) {
        holds(row, "steps", &evaluation["steps"]);
        holds_rounded(row, "loss since the one before", &evaluation["loss"], 6);
        holds_rounded(row, "validation accuracy", &evaluation["accuracy"], 4);
        holds_rounded(row, "validation loss", &evaluation["test_loss"], 6);
        holds_rounded(row, "training accuracy", &evaluation["training_accuracy"], 4);
        holds_rounded(row, "training loss", &evaluation["training_loss"], 6);
    }
    for (result, split) in list(&report.json["results"]).iter().zip(["Validation", "Test"]) {
        holds_class_scores(&report, result, &format!("{split} "));
    }
}

/// Holds the tables whose titles begin with `split` to the scores of classes in `result`.
#[track_caller]
fn holds_class_scores(report: &Document, result: &Value, split: &str) {
    let (scores, names) = (&result["scores"], list(&result["names"]));
    let title = |words: &str| {
        let mut letters = words.chars();
        if split.is_empty() {
            letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
        } else {
            format!("{split}{words}")
        }
    };
    let overall = report.table(&title("scores"));
    let score = |name: &str| overall.iter().find(|row| row["score"] == name).unwrap();
    holds_rounded(score("accuracy"), "value", &scores["accuracy"], 4);
    holds_rounded(score("top-2 accuracy"), "value", &scores["top"][0]["accuracy"], 4);
    holds_rounded(score("log-loss"), "value", &scores["log_loss"], 4);
    let by_class = report.table(&title("scores by class"));
    assert_eq!(by_class.len(), names.len() + 2);
    for ((row, class), name) in by_class.iter().zip(list(&scores["by_class"])).zip(names) {
        assert_eq!(row["class"], *name);
        holds(row, "samples", &class["samples"]);
        for column in ["precision", "recall", "f1"] {
            holds_rounded(row, column, &class[column], 4);
        }
    }
    let confusion = report.table(&title("confusion"));
    assert_eq!(confusion.len(), names.len());
    for (row, cells) in confusion.iter().zip(list(&scores["confusion"])) {
        for (name, samples) in names.iter().zip(list(cells)) {
            holds(row, name.as_str().unwrap(), samples);
        }
    }
}

#[test]
fn evaluation_has_the_figures_of_its_json() {
    let folder = Folder::new();
    folder
        .run("train --data small.npz --hidden 5 --batch 8 --epochs 1 --device cpu --save m.npz")
        .succeeded();
    let report = Document::of(&folder, "eval m.npz --data small.npz --device cpu");
    assert!(report.text.starts_with("# Evaluation\n\n9 samples of the test split on "), "{}", report.text);
    holds_class_scores(&report, &report.json["results"][0], "Test ");
    let rows: String = (0..9).map(|row| format!("{row},2,3,4,5,6,{}\n", row % 3)).collect();
    folder.write("all.csv", format!("a,b,c,d,e,f,class\n{rows}").as_bytes());
    let all = Document::of(&folder, "eval m.npz --data all.csv --device cpu");
    assert!(all.text.starts_with("# Evaluation\n\nall 9 samples on "), "{}", all.text);
    holds_class_scores(&all, &all.json["results"][0], "");
    let settings = report.table("Settings");
    assert!(settings.iter().any(|row| row["setting"] == "model" && row["value"] == "m.npz"));
}

#[test]
fn regression_has_the_scores_of_each_output() {
    let flags = "--data synthetic:sines --layers 8,6,1 --loss mse --batch 50 --epochs 1 --device cpu";
    let report = Document::of(&Folder::new(), &format!("train {flags}"));
    let scores = &report.json["results"][0]["scores"];
    let rows = report.table("Test scores");
    assert_eq!(rows.len(), 1);
    for (column, key) in
        [("rmse", "rmse"), ("mae", "mae"), ("r2", "r2"), ("explained variance", "explained_variance")]
    {
        holds_rounded(&rows[0], column, &scores["by_output"][0][key], 6);
    }
    assert!(!report.tables.contains_key("Evaluations"), "the epochs show as much");
}

#[test]
fn many_classes_have_the_most_frequent_confusions() {
    let folder = Folder::new();
    let row = |at: usize| format!("{},{},kind {}\n", at % 25, at % 7, at % 25);
    let rows: String = (0..100).map(row).collect();
    folder.write("kinds.csv", format!("a,b,kind\n{rows}").as_bytes());
    let flags = "--data kinds.csv --target kind --validation 0.5 --hidden 4 --epochs 1 --device cpu";
    let report = Document::of(&folder, &format!("train {flags}"));
    let result = &report.json["results"][0];
    let pairs = list(&result["most_confused"]);
    let rows = report.table("Validation confusion, most frequent");
    assert!(rows.len() == pairs.len() && !pairs.is_empty());
    for (row, pair) in rows.iter().zip(pairs) {
        let [class, predicted] = ["class", "predicted"].map(|key| pair[key].as_u64().unwrap() as usize);
        assert_eq!(
            (&row["true class"], &row["predicted as"]),
            (&text(&result["names"][class]), &text(&result["names"][predicted]))
        );
        holds(row, "samples", &pair["samples"]);
        let of_class = result["scores"]["by_class"][class]["samples"].as_f64().unwrap();
        holds_share(row, "of the class", &(pair["samples"].as_f64().unwrap() / of_class).into());
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

#[test]
fn comparison_has_the_figures_of_its_json() {
    let report = Document::of(&Folder::new(), &format!("compare {DEEP} --every 0,1,7 --repeats 2"));
    let strategies = list(&report.json["strategies"]);
    let (bytes, times) = (report.table("Memory"), report.table("Time"));
    assert_eq!([bytes.len(), times.len()], [strategies.len(); 2]);
    for (row, strategy) in bytes.iter().zip(strategies) {
        assert_eq!(row["bytes by strategy"], strategy["strategy"]);
        holds(row, "activations", &strategy["activation_bytes"]);
        holds(row, "planned", &strategy["memory"]["planned_peak_bytes"]);
        holds(row, "counted", &strategy["memory"]["counted_peak_bytes"]);
        holds(row, "saved", &strategy["saved_bytes"]);
        assert_eq!(row["driver"], "-");
    }
    for (row, strategy) in times.iter().zip(strategies) {
        assert_eq!(row["seconds by strategy"], strategy["strategy"]);
        holds_rounded(row, "median", &strategy["median_seconds"], 3);
        holds_rounded(row, "shortest", &strategy["least_seconds"], 3);
        holds_rounded(row, "longest", &strategy["most_seconds"], 3);
        holds_rounded(row, "of store-all", &strategy["time_ratio"], 2);
        holds_rounded(row, "predicted by FLOPs", &strategy["predicted_time_ratio"], 2);
        holds(row, "recomputed layers", &strategy["recomputed_layers"]);
        assert_eq!(row["weights"], "equal");
    }
    assert!(
        report.text.contains("\ntest accuracy by epoch, store-all, every-1, every-7: "),
        "{}",
        report.text
    );
}

/// File names may hold any markup; cells show them as they are.
#[cfg(unix)]
#[test]
fn names_are_shown_as_they_are() {
    let folder = Folder::new();
    let name = r"a|b\|c*d*_e_`f`<i>[g](h)&amp;#1@x~~y~~.npz";
    fs::rename(folder.path("small.npz"), folder.path(name)).unwrap();
    let flags = SMALL.replace("small.npz", name);
    let report = Document::of(&folder, &format!("plan {flags} --device cpu"));
    let settings = report.table("Settings");
    let data = settings.iter().find(|row| row["setting"] == "data").unwrap();
    assert_eq!(data["value"], name);
}
