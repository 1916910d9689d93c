//! Evaluations during training, the best parameters and early stopping.

use crate::program::{Folder, SMALL};
use serde_json::Value;

fn of_kind<'a>(events: &'a [Value], kind: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["event"] == kind).collect()
}

/// A run whose held-out loss rises again; an epoch has three steps.
fn flags() -> String {
    format!("{SMALL} --device cpu --optimizer adam --no-shuffle").replace("--epochs 1", "--epochs 12")
}

#[test]
fn the_best_parameters_are_saved() {
    let folder = Folder::new();
    let events = folder.train(&format!("{} --keep-best loss --save best.npz", flags()));
    let losses: Vec<f64> =
        of_kind(&events, "epoch").iter().map(|event| event["test_loss"].as_f64().unwrap()).collect();
    assert_eq!(losses.len(), 12);
    let best = losses.iter().copied().fold(f64::INFINITY, f64::min);
    let last = *losses.last().unwrap();
    assert!(best < last, "{losses:?}");
    let at = losses.iter().position(|&loss| loss == best).unwrap() + 1;
    let done = of_kind(&events, "done")[0];
    assert_eq!(done["best"]["metric"], "loss");
    assert_eq!(done["best"]["steps"], 3 * at);
    assert_eq!(done["best"]["evaluations_since"], 12 - at);
    assert!((done["best"]["value"].as_f64().unwrap() - best).abs() < 1e-6, "{done}");
    assert_eq!((&done["stopped_early"], &done["steps"]), (&Value::Bool(false), &Value::from(36)));
    let evaluated = folder.run("eval --json --data small.npz --device cpu best.npz").succeeded();
    let accuracy = &of_kind(&events, "epoch")[at - 1]["accuracy"];
    assert_eq!(&evaluated.events()[0]["scores"]["accuracy"], accuracy);
    let until = flags().replace("--epochs 12", &format!("--epochs {at}"));
    assert_eq!(folder.hash(&format!("{} --keep-best loss", flags())), folder.hash(&until));
}

#[test]
fn a_run_stops_when_patience_ends() {
    let folder = Folder::new();
    let outcome = folder.run(&format!("train {} --patience 2 --min-delta 100", flags())).succeeded();
    assert!(
        outcome.stdout.contains("stopped early, after 2 evaluations without improvement"),
        "{outcome:#?}"
    );
    assert!(outcome.stderr.contains("chosen on the test split"), "{outcome:#?}");
    assert!(outcome.stdout.contains("the result is the parameters after"), "{outcome:#?}");
    let events = folder.train(&format!("{} --patience 2 --min-delta 100 --evaluate-every 2", flags()));
    let evaluations: Vec<_> = events
        .iter()
        .filter_map(|event| match event["event"].as_str().unwrap() {
            "evaluation" => event["steps"].as_u64(),
            "epoch" => Some(3 * (1 + event["epoch"].as_u64().unwrap())),
            _ => None,
        })
        .collect();
    assert_eq!(evaluations, [2, 3, 4], "{events:#?}");
    assert_eq!(of_kind(&events, "done")[0]["stopped_early"], true);
}

#[test]
fn a_run_is_resumed_amid_its_patience() {
    let folder = Folder::new();
    let flags = format!("{} --keep-best accuracy --patience 4 --evaluate-every 2 --ema 0.9", flags());
    let flags = format!("{flags} --schedule plateau --plateau-patience 2 --decay-factor 0.5");
    let whole = folder.train(&flags);
    let done = |events: &[Value]| of_kind(events, "done")[0].clone();
    for steps in [1, 4, 7, 9] {
        let snapshots = format!("{flags} --snapshot kept{steps} --snapshot-every 1");
        let short = snapshots.replace("--epochs 12", &format!("--steps {steps}"));
        folder.run(&format!("train {short}")).succeeded();
        let resumed = folder.train(&format!("{snapshots} --resume"));
        // Once more, when all is done.
        let again = folder.train(&format!("{snapshots} --resume"));
        for key in ["weights_sha256", "steps", "best", "stopped_early"] {
            assert_eq!(done(&resumed)[key], done(&whole)[key], "{key} after {steps} steps");
            assert_eq!(done(&again)[key], done(&whole)[key], "{key} after {steps} steps");
        }
    }
    let other = flags.replace("--keep-best accuracy", "--keep-best loss");
    folder.run(&format!("train {other} --snapshot kept4 --resume")).refused(2, &["--keep-best", "accuracy"]);
    // Nothing that decides the bits, or the best, may be left out or changed.
    for (left_out, words) in [
        ("--keep-best accuracy --patience 4", "--keep-best: found none, expected accuracy"),
        ("--ema 0.9", "ema (--ema): found 0.9, expected none"),
        ("--evaluate-every 2", "evaluate_every (--evaluate-every): found 2, expected none"),
    ] {
        let code = if left_out.starts_with("--keep") { 2 } else { 3 };
        let other = flags.replace(left_out, "");
        folder.run(&format!("train {other} --snapshot kept4 --resume")).refused(code, &[words]);
    }
    let dropped = format!("train {flags} --drop-last=false --snapshot kept4 --resume");
    folder.run(&dropped).refused(3, &["drop_last (--drop-last): found none, expected false"]);
}

/// What was best before a run diverges is saved.
#[test]
fn the_best_parameters_outlive_a_divergence() {
    let folder = Folder::new();
    let diverging = flags().replace("--lr 0.5", "--lr 1000").replace("adam", "sgd");
    let diverging = format!("{diverging} --activation identity --loss mse --targets classes");
    let outcome =
        folder.run(&format!("train {diverging} --keep-best loss --evaluate-every 1 --save best.npz"));
    assert_eq!(outcome.code, Some(6), "{outcome:#?}");
    assert!(outcome.stderr.contains("parameters saved to best.npz"), "{outcome:#?}");
    folder.run("eval --data small.npz --device cpu best.npz").succeeded();
}

#[test]
fn both_splits_are_evaluated() {
    let folder = Folder::new();
    let events = folder.train(&format!("{} --evaluate-training --evaluate-every 2", flags()));
    let epochs = of_kind(&events, "epoch");
    let evaluations = of_kind(&events, "evaluation");
    // Of the even steps of 36, those at the end of an epoch are told with it.
    assert_eq!((epochs.len(), evaluations.len()), (12, 12), "{events:#?}");
    for event in epochs.iter().chain(&evaluations) {
        assert!(event["training_loss"].as_f64().unwrap() > 0.0, "{event}");
        assert!(event["training_accuracy"].as_f64().unwrap() >= 0.0, "{event}");
    }
    let plain = folder.train(&flags());
    assert_eq!(of_kind(&plain, "epoch")[0].get("training_loss"), None);
    let hash = |events: &[Value]| of_kind(events, "done")[0]["weights_sha256"].clone();
    assert_eq!(hash(&plain), hash(&events));
    let text = folder.run(&format!("train {} --evaluate-training", flags())).succeeded().stdout;
    assert!(text.lines().next().unwrap().contains("training"), "{text}");
    // Where nothing is held out, there is one figure, and it is shown once.
    folder.write("all.csv", format!("x,class\n{}", "0,a\n1,b\n".repeat(20)).as_bytes());
    let all = "train --data all.csv --hidden 4 --epochs 1 --device cpu --validation 0";
    let all = folder.run(&format!("{all} --evaluate-training")).succeeded();
    assert_eq!(all.stdout.matches("training accuracy").count(), 1, "{all:#?}");
    assert!(all.stderr.contains("--evaluate-training has no effect"), "{all:#?}");
}
