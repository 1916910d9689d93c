//! What else `ckpt-gpu plan` shows than the plan that was asked for, held against planning just that.

use crate::program::{FEATURES, Folder, Outcome};
use serde_json::Value;

const NET: &str = "--data large.npz --layers 6,40,8x2,50,16,64x2,8,30,3 --batch 12";

/// A folder with enough data for its place to matter.
fn folder() -> Folder {
    let folder = Folder::new();
    let samples = 5000;
    let inputs = || vec![0.5; samples * FEATURES];
    let labels = || (0..samples).map(|sample| (sample % 3) as f32).collect();
    folder.write_npz(
        "large.npz",
        &[
            ("x_train", vec![samples, FEATURES], inputs()),
            ("y_train", vec![samples], labels()),
            ("x_test", vec![samples, FEATURES], inputs()),
            ("y_test", vec![samples], labels()),
        ],
    );
    folder
}

/// Plans, for a GPU that is not there where one is asked for.
fn run(folder: &Folder, flags: &str) -> Outcome {
    folder.run_without_drivers(&format!("plan {flags}"))
}

#[track_caller]
fn plan(folder: &Folder, flags: &str) -> Value {
    run(folder, &format!("--json {flags}")).succeeded().events()[0].clone()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("{value} is no list"))
}

fn name(choice: &Value) -> &str {
    choice["strategy"].as_str().unwrap()
}

/// What a row says, and what its budget gives when it is asked for.
#[track_caller]
fn is_what_its_budget_gives(folder: &Folder, flags: &str, choice: &Value) {
    let budget = name(choice).strip_prefix("budget-").unwrap();
    let planned = &plan(folder, &format!("{flags} --budget {budget}"))["plan"];
    for key in ["planned_peak_bytes", "planned_activation_bytes", "recomputed_layers"] {
        assert_eq!(choice[key], planned[key], "{key}, {choice}");
    }
}

#[test]
fn rows_for_budgets_are_what_these_budgets_give() {
    let folder = folder();
    for device in ["cpu", "gpu", "gpu --dataset device"] {
        let flags = format!("{NET} --device {device}");
        let outlook = &plan(&folder, &format!("{flags} --every auto"))["outlook"];
        let of_every_n = list(&outlook["compared"]).last().unwrap();
        is_what_its_budget_gives(&folder, &flags, of_every_n);
        let frontier = list(&outlook["frontier"]);
        assert!(frontier.len() > 4);
        for point in frontier.iter().step_by(3) {
            is_what_its_budget_gives(&folder, &flags, point);
        }
    }
}

/// The dataset is kept on the device only where room is left for it.
#[test]
fn budgets_of_less_than_the_dataset_are_shown_where_it_may_stay_on_the_host() {
    let folder = folder();
    let event = plan(&folder, &format!("{NET} --device gpu --every auto"));
    assert!(event["plan"]["categories"]["dataset"].as_u64() > Some(200_000), "{}", event["plan"]);
    let bytes = |choice: &Value| choice["planned_peak_bytes"].as_u64().unwrap();
    let [outlook, plan] = ["outlook", "plan"].map(|key| &event[key]);
    for point in list(&outlook["frontier"]) {
        assert!(bytes(point) < bytes(plan), "{point}");
    }
    let of_every_n = list(&outlook["compared"]).last().unwrap();
    assert!(name(of_every_n).starts_with("budget-") && of_every_n["recomputed_layers"] == 0, "{of_every_n}");
}

#[test]
fn no_strategy_is_shown_twice() {
    let folder = folder();
    let flags = format!("{NET} --device cpu");
    let compared = |flags: &str| -> Vec<String> {
        let event = plan(&folder, flags);
        list(&event["outlook"]["compared"]).iter().map(|choice| name(choice).to_owned()).collect()
    };
    let auto = compared(&flags);
    assert_eq!(auto.len(), 3, "{auto:?}");
    let budget = auto[2].strip_prefix("budget-").unwrap();
    assert_eq!(compared(&format!("{flags} --budget {budget}")), auto);
    let every = auto[1].strip_prefix("every-").unwrap();
    assert_eq!(compared(&format!("{flags} --every {every}")), auto);
}

#[test]
fn a_micro_batch_is_planned_for_where_the_whole_batch_does_not_fit() {
    let folder = folder();
    for flags in [
        // More than a GPU is promised to bind.
        "--layers 6,2000000,3 --batch 24 --micro-batch 3 --optimizer sgd --device gpu",
        // More than kernels can index.
        "--layers 6,200000000,3 --batch 24 --micro-batch 3 --device cpu",
    ] {
        let flags = format!("--data large.npz {flags}");
        let rows = &plan(&folder, &flags)["outlook"]["micro_batches"];
        let sizes: Vec<_> = list(rows).iter().map(|row| row["micro_batch"].as_u64().unwrap()).collect();
        assert_eq!(sizes, [24, 12, 6, 3, 1]);
        assert_eq!(list(&rows[0]["choices"]), [Value::Null; 0]);
        assert!(list(&rows[3]["choices"]).len() > 1);
        let text = run(&folder, &flags).succeeded().stdout;
        let mut rows = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        assert!(rows.any(|row| row == ["--micro-batch", "24", "24", "does", "not", "fit"]), "{text}");
        let whole = flags.replace("--micro-batch 3", "");
        run(&folder, &whole).refused_at_once(5, &["state 1", "--micro-batch"]);
    }
}

#[test]
fn a_bound_is_shown_where_it_is_known() {
    let folder = folder();
    let budget = |flags: &str| {
        let outlook = &plan(&folder, flags)["outlook"];
        format!("{flags} --budget {}", list(&outlook["frontier"])[2]["planned_peak_bytes"])
    };
    let known = budget(&format!("{NET} --device cpu"));
    let event = plan(&folder, &known);
    let bound = event["outlook"]["bound_flops"].as_f64().unwrap();
    assert!(0.0 < bound && bound <= event["plan"]["recomputed_flops"].as_f64().unwrap(), "{bound}");
    assert!(run(&folder, &known).succeeded().stdout.contains("; the lower bound for this memory is "));

    let unknown = budget("--data large.npz --layers 6,8x120,3 --batch 12 --device cpu");
    assert_eq!(plan(&folder, &unknown)["outlook"]["bound_flops"], Value::Null);
    assert!(!run(&folder, &unknown).succeeded().stdout.contains("bound"));
}

#[test]
fn a_batch_of_more_than_the_training_samples_is_refused_as_by_training() {
    let folder = folder();
    let flags = "--data small.npz --layers 6,5,3 --batch 25 --micro-batch 5 --device cpu";
    for command in ["plan", "train"] {
        folder
            .run(&format!("{command} {flags}"))
            .refused_at_once(2, &["--batch", "found 25", "at most 24: the training samples"]);
    }
}
