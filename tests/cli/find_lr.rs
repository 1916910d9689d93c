//! `ckpt-gpu find-lr`: the learning-rate range test.

use crate::program::{Folder, SMALL};
use serde_json::Value;

/// Two classes that a small network learns in a few steps; an epoch has 18 steps.
const BLOBS: &str = "--data synthetic:blobs,samples=2000,classes=2 --hidden 16 --device cpu";

#[test]
fn a_learning_rate_is_suggested_and_nothing_is_saved() {
    let folder = Folder::new();
    let outcome = folder.run(&format!("find-lr {BLOBS} --plot curve.svg")).succeeded();
    let flag = outcome.stdout.trim_end().rsplit_once("use ").expect("a suggestion").1;
    let rate: f32 = flag.strip_prefix("--lr ").unwrap().parse().unwrap();
    assert!((1e-4..1.0).contains(&rate), "{outcome:#?}");
    assert_eq!(folder.files(), ["curve.svg"]);
    let plot = String::from_utf8(folder.read("curve.svg")).unwrap();
    assert!(plot.starts_with("<svg ") && plot.ends_with("</svg>\n"), "{plot}");
    assert!(plot.contains(&format!("suggested: {rate}")) && plot.contains(">1e-3<"), "{plot}");
    let trained = folder.train(&format!("{BLOBS} --epochs 2 {flag}"));
    let epoch = trained.iter().rev().find(|event| event["event"] == "epoch").unwrap();
    assert!(epoch["accuracy"].as_f64().unwrap() > 0.9, "{epoch}");
}

/// The only event.
fn event(folder: &Folder, flags: &str) -> Value {
    let events = folder.run(&format!("find-lr --json {flags}")).succeeded().events();
    assert_eq!(events.len(), 1);
    events[0].clone()
}

#[test]
fn json_has_every_step_whatever_the_strategy() {
    let folder = Folder::new();
    let small = SMALL.replace(" --epochs 1 --lr 0.5", "");
    let flags = format!("{small} --device cpu --from 0.001 --to 0.1 --steps 20");
    let whole = event(&folder, &flags);
    assert_eq!(whole["event"], "find-lr");
    assert_eq!((&whole["steps"], &whole["diverged"]), (&Value::from(20), &Value::Bool(false)));
    let tested = whole["tested"].as_array().unwrap();
    assert_eq!(tested.len(), 20);
    let rate = |index: usize| tested[index]["lr"].as_f64().unwrap();
    // No more digits than single precision has.
    assert_eq!((rate(0), rate(19), whole["from"].as_f64()), (0.001, 0.1, Some(0.001)), "{whole}");
    // The average of one loss is that loss.
    assert_eq!(tested[0]["loss"], tested[0]["smoothed_loss"]);
    for strategy in ["--every 2", "--every auto", "--micro-batch 8"] {
        assert_eq!(event(&folder, &format!("{flags} {strategy}"))["tested"], whole["tested"], "{strategy}");
    }
    assert_ne!(event(&folder, &format!("{flags} --seed 1"))["tested"], whole["tested"]);
    // A constant learning rate is the first of a rising one.
    let first = folder.train(&format!("{small} --device cpu --steps 1 --lr 0.001"));
    let epoch = first.iter().find(|event| event["event"] == "epoch").unwrap();
    assert_eq!(epoch["loss"], tested[0]["loss"]);
}

#[test]
fn divergence_ends_the_test_without_an_error() {
    let folder = Folder::new();
    let flags = format!("{BLOBS} --optimizer sgd --activation identity --to 1e30");
    let diverged = event(&folder, &flags);
    assert_eq!(diverged["diverged"], true);
    assert!(diverged["tested"].as_array().unwrap().len() < 200);
    assert!(diverged["suggested_lr"].as_f64().unwrap() < 10.0, "{}", diverged["suggested_lr"]);
    let text = folder.run(&format!("find-lr {flags}")).succeeded().stdout;
    assert!(text.contains("the loss diverged after the step with learning rate"), "{text}");
    // Above all that is stable, and below all that has an effect.
    let high = folder.run(&format!("find-lr {flags} --from 1e20 --plot high.svg")).succeeded().stdout;
    assert!(high.contains("no learning rate is suggested") && high.contains("use a lower --from"), "{high}");
    for loss in ["cross-entropy", "mse"] {
        let flags = format!("{BLOBS} --loss {loss} --from 5 --to 10");
        let jumps = folder.run(&format!("find-lr {flags}")).succeeded().stdout;
        assert!(
            jumps.contains("no learning rate is suggested") && jumps.contains("use a lower --from"),
            "{jumps}"
        );
    }
    let low = folder.run(&format!("find-lr {BLOBS} --from 1e-12 --to 1e-10")).succeeded().stdout;
    assert!(low.contains("no learning rate is suggested") && low.contains("use a higher --to"), "{low}");
    assert_eq!(folder.files(), ["high.svg"]);
}

#[test]
fn flags_without_meaning_are_refused() {
    let folder = Folder::new();
    for flag in [
        "--lr 0.1",
        "--schedule step",
        "--warm-up 5",
        "--epochs 2",
        "--ema 0.9",
        "--save model.npz",
        "--keep-best loss",
        "--report run.json",
    ] {
        let name = flag.split(' ').next().unwrap();
        folder.run(&format!("find-lr {BLOBS} {flag}")).refused_at_once(2, &["unexpected argument", name]);
    }
    for (flags, words) in [
        ("--from 0", "--from: found 0, expected a positive number"),
        ("--to inf", "--to: found inf, expected a positive number"),
        ("--from 0.1 --to 0.01", "--to: found 0.01, expected more than --from 0.1"),
        ("--steps 9", "--steps: found 9, expected at least 10"),
        ("--plot curve.png", "expected a name that ends in .svg"),
        ("--init curve.svg --plot curve.svg", "--plot: found curve.svg, which --init names"),
    ] {
        folder.run(&format!("find-lr {BLOBS} {flags}")).refused_at_once(2, &[words]);
    }
    folder.run("find-lr --data none.npz").refused_at_once(3, &["none.npz: no such file"]);
}

#[test]
fn a_file_of_flags_is_shared_with_train() {
    let folder = Folder::new();
    folder.write("run.toml", b"hidden = '16'\ndata = 'synthetic:blobs'\nlr = 0.5\nschedule = 'step'\n");
    let outcome = folder.run("find-lr --config run.toml --device cpu").succeeded();
    assert!(
        outcome.stderr.contains("ignored flags that find-lr does not have: lr, schedule"),
        "{outcome:#?}"
    );
}

#[test]
fn the_test_begins_from_saved_parameters() {
    let folder = Folder::new();
    folder.run(&format!("train {BLOBS} --epochs 3 --save model.npz")).succeeded();
    let [fresh, trained] = ["", "--init model.npz"].map(|init| event(&folder, &format!("{BLOBS} {init}")));
    let first = |event: &Value| event["tested"][0]["loss"].as_f64().unwrap();
    assert!(first(&trained) < 0.9 * first(&fresh), "{} {}", first(&trained), first(&fresh));
}
