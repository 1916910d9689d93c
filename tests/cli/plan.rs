//! `ckpt-gpu plan`, and budgets on the command line.

use crate::program::{Folder, SMALL};
use serde_json::Value;

/// Wide enough, at this batch, for recomputation to pay.
const DEEP: &str = "--data small.npz --layers 6,40,8x2,50,16,64x2,8,30,3 --batch 12 --epochs 1 --lr 0.1";

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no whole number"))
}

/// The one event of `plan --json`.
#[track_caller]
fn plan(folder: &Folder, flags: &str) -> Value {
    let events = folder.run(&format!("plan --json {flags}")).succeeded().events();
    assert_eq!(events.len(), 1);
    events[0].clone()
}

/// The least budget, from the error for one that is too small.
#[track_caller]
fn least(folder: &Folder, flags: &str) -> u64 {
    let refused = folder.run(&format!("train {flags} --budget 1000"));
    refused.refused_at_once(5, &["--budget", "found 1000 bytes", "parameters ", "batch ", "fewer layers"]);
    let stderr = folder.run(&format!("plan {flags} --budget 1000")).stderr;
    let (_, rest) = stderr.split_once("expected at least ").unwrap();
    rest.split(':').next().unwrap().parse().unwrap()
}

#[test]
fn people_see_the_plan_and_nothing_is_trained() {
    let folder = Folder::new();
    let flags = format!("{DEEP} --device cpu");
    let budget = least(&folder, &flags) + 3000;
    let run = folder.run(&format!("plan {flags} --budget {budget}")).succeeded();
    for words in [
        &format!("plan budget-{budget}: 10 layers in "),
        "the lower bound for this memory is ",
        "checkpoints ",
        "the pool peaks at action ",
        "forward pass, layers 0-9",
        "--every 0 ",
        "settings ",
        "as asked ",
        " fastest",
        "least recomputation, of a forward pass, by device bytes",
        "<- this plan's memory",
    ] {
        assert!(run.stdout.contains(words), "no {words:?} in {run:#?}");
    }
    assert!(!run.stdout.contains("epoch") && !run.stdout.contains("sha256"), "{run:#?}");
    assert_eq!(folder.files(), [""; 0]);
}

#[test]
fn what_is_planned_is_what_training_counts() {
    let folder = Folder::new();
    let flags = format!("{DEEP} --device cpu");
    let budget = least(&folder, &flags) + 2000;
    for strategy in
        ["--every 0", "--every 3", "--every auto", "--micro-batch 4", &format!("--budget {budget}")]
    {
        let planned = &plan(&folder, &format!("{flags} {strategy}"))["plan"];
        let events = folder.train(&format!("{flags} {strategy}"));
        let (announced, done) = (&events[0], &events[events.len() - 1]);
        for key in ["strategy", "intervals", "categories", "planned_peak_bytes", "recomputed_flops", "parts"]
        {
            assert_eq!(planned[key], announced[key], "{key}, {strategy}");
        }
        assert_eq!(planned["planned_peak_bytes"], done["memory"]["counted_peak_bytes"], "{strategy}");
        assert_eq!(planned["interval_peaks"], done["memory"]["intervals"]["counted"], "{strategy}");
        if strategy.starts_with("--budget") {
            assert!(number(&planned["planned_peak_bytes"]) <= budget);
            assert!(number(&planned["recomputed_layers"]) > 0);
        }
    }
}

#[test]
fn programs_get_every_action_slot_and_byte() {
    let folder = Folder::new();
    let flags = format!("{DEEP} --device cpu");
    let event = plan(&folder, &format!("{flags} --budget {}", least(&folder, &flags) + 2000));
    let (plan, outlook) = (&event["plan"], &event["outlook"]);
    let [actions, slots, blocks] = ["actions", "slots", "blocks"].map(|key| plan[key].as_array().unwrap());
    let columns = ["checkpoints", "recomputed", "deltas"].map(|category| &plan["live_bytes"][category]);
    let live: Vec<u64> =
        (0..actions.len()).map(|index| columns.iter().map(|column| number(&column[index])).sum()).collect();
    assert_eq!(live.iter().copied().max(), plan["planned_live_peak_bytes"].as_u64());
    assert_eq!(live[number(&plan["peak_action"]) as usize], number(&plan["planned_live_peak_bytes"]));
    assert_eq!(live.last(), Some(&0));

    // What lives, from the slots that the actions name.
    let mut held = vec![0; slots.len()];
    let mut stays = vec![0; slots.len()];
    for (action, &live) in actions.iter().zip(&live) {
        if action["action"] == "release" {
            held[number(&action["slot"]) as usize] = 0;
        }
        for written in action["writes"].as_array().into_iter().flatten() {
            let slot = number(&written["slot"]) as usize;
            held[slot] = number(&slots[slot]["tenants"][stays[slot]]["bytes"]);
            stays[slot] += 1;
        }
        assert_eq!(held.iter().sum::<u64>(), live, "{action}");
    }

    let bytes = |block: &Value| number(&block["bytes"]);
    for slot in slots {
        let block = &blocks[number(&slot["block"]) as usize];
        assert!(number(&slot["offset"]) + bytes(slot) <= bytes(block));
    }
    assert_eq!(blocks[1..].iter().map(bytes).sum::<u64>(), number(&plan["planned_activation_bytes"]));

    let frontier = outlook["frontier"].as_array().unwrap();
    assert!(frontier.len() > 3);
    let bytes = |point: &Value| number(&point["planned_peak_bytes"]);
    let share = |point: &Value| point["recomputed_share"].as_f64().unwrap();
    assert!(frontier.is_sorted_by(|a, b| bytes(a) < bytes(b) && share(a) > share(b)), "{frontier:#?}");
    assert_eq!(share(frontier.last().unwrap()), 0.0);
    let compared: Vec<_> =
        outlook["compared"].as_array().unwrap().iter().map(|row| &row["strategy"]).collect();
    assert_eq!(compared[0], "store-all");
    assert!(compared.iter().any(|name| name.as_str().unwrap().starts_with("every-")), "{compared:?}");
}

#[test]
fn a_gpu_that_is_not_there_is_planned_for() {
    let run = Folder::new().run_without_drivers(&format!("plan {SMALL} --device gpu --every 2")).succeeded();
    assert!(run.stdout.contains("a GPU with WebGPU's default limits, of 128.0 MiB a binding"), "{run:#?}");
    assert!(run.stdout.contains("--limits SIZE"), "{run:#?}");
    assert!(run.stdout.contains("staging") && run.stdout.contains("dataset"), "{run:#?}");
}

const WIDE: &str = "--layers 784,4096x48,10 --batch 65536 --optimizer sgd --budget 8GiB";

#[test]
fn a_gpu_that_is_elsewhere_is_planned_for() {
    let folder = Folder::new();
    // Nothing is recomputed in micro-batches that keep the bits.
    let run = folder.run_without_drivers(&format!("plan {WIDE} --device gpu --limits 8GiB")).succeeded();
    assert!(
        run.stdout.contains("for a GPU with buffers and bindings of 8.0 GiB, and else WebGPU's"),
        "{run:#?}"
    );
    assert!(run.stdout.contains("nothing recomputed"), "{run:#?}");
    // States of a batch in one piece take more than WebGPU guarantees.
    let whole = format!("plan {WIDE} --micro-batch 65536");
    folder
        .run_without_drivers(&format!("{whole} --device gpu"))
        .refused_at_once(5, &["at most 134217728", "WebGPU's default limits", "--limits"]);
    let error = folder.run_without_drivers(&format!("{whole} --device gpu --limits 128MiB"));
    error.refused_at_once(5, &["at most 134217728"]);
    assert!(!error.stderr.contains("--limits"), "{error:#?}");
}

#[test]
fn software_is_planned_for_by_what_devices_wrote() {
    let folder = Folder::new();
    let devices = folder.run("devices --json").succeeded().stdout;
    folder.write("devices.json", devices.as_bytes());
    let flags = format!("{SMALL} --every 2 --device software");
    let event = plan(&folder, &format!("{flags} --limits devices.json"));
    assert_eq!(event["device"]["type"], "assumed");
    assert_eq!(event["plan"], plan(&folder, &flags)["plan"]);
}

#[test]
fn networks_that_fit_no_data_are_planned_unless_the_data_was_named() {
    let folder = Folder::new();
    let run = folder.run("plan --layers 64x20,5 --device cpu --every auto").succeeded();
    assert!(run.stderr.contains("without a dataset"), "{run:#?}");
    folder
        .run("plan --data small.npz --layers 64x20,5 --device cpu")
        .refused_at_once(2, &["--layers", "6 features"]);
    folder.run("plan --data missing.npz --device cpu").refused_at_once(3, &["missing.npz"]);
}

#[test]
fn slips_in_a_budget_are_named() {
    let folder = Folder::new();
    for command in ["train", "plan"] {
        let with = |flags: &str| folder.run(&format!("{command} {SMALL} --device cpu {flags}"));
        with("--budget 64mb").refused_at_once(2, &["--budget", "'64mb'", "64MiB"]);
        with("--budget -1").refused_at_once(2, &["--budget", "'-1'"]);
        with("--budget 0").refused_at_once(2, &["--budget", "found 0, expected at least 1"]);
        with("--budget 0.0MiB").refused_at_once(2, &["--budget", "found 0"]);
        with("--budget lots").refused_at_once(2, &["--budget", "'lots'"]);
        with("--budget 1MiB --every 2").refused_at_once(2, &["--budget", "--every"]);
        with("--every some").refused_at_once(2, &["--every", "auto"]);
        // Less than the parameters alone.
        with("--budget 300").refused_at_once(5, &["found 300 bytes", "parameters 452"]);
    }
}

#[test]
fn the_least_budget_is_the_least() {
    let folder = Folder::new();
    let flags = format!("{DEEP} --device cpu");
    let least = least(&folder, &flags);
    let expected = folder.hash(&flags);
    assert_eq!(folder.hash(&format!("{flags} --budget {least}")), expected);
    assert_eq!(folder.hash(&format!("{flags} --budget 10MiB")), expected);
    folder.run(&format!("train {flags} --budget {}", least - 1)).refused_at_once(5, &["expected at least"]);
}
