//! Learning curves on the page of a run: every point is where the JSON has it.

use crate::browser::shown::{Reported, Shown};
use crate::browser::step::{list, number, text};
use serde_json::{Value, json};

const FLAGS: &str = "--data small.npz --layers 6,32,3 --batch 4 --epochs 3 --lr 0.02 --device cpu";
const CHARTS: [&str; 2] = ["figure:nth-child(1)", "figure:nth-child(2)"];

/// Points of a chart as `[step, value]` for each of its lines, by the value's key in the JSON.
fn expected(evaluations: &[Value], key: &str) -> Vec<[f64; 2]> {
    evaluations.iter().map(|one| [one["steps"].as_f64().unwrap(), one[key].as_f64().unwrap()]).collect()
}

/// Holds the dots of the lines of a chart to values: all lines have the same two scales.
fn holds_lines(shown: &mut Shown, chart: &str, lines: &[(&str, Vec<[f64; 2]>)]) {
    let mut pairs = Vec::new();
    for (name, values) in lines {
        let line = format!("#learning {chart} [data-line=\"{name}\"] .dot");
        let dots = shown.numbers(&line, ["cx", "cy"]);
        assert_eq!(dots.len(), values.len(), "{name}");
        pairs.extend(dots.into_iter().zip(values.iter().copied()));
    }
    for axis in [0, 1] {
        let value = |pair: &([f64; 2], [f64; 2])| pair.1[axis];
        let least = pairs.iter().copied().min_by(|a, b| value(a).total_cmp(&value(b))).unwrap();
        let most = pairs.iter().copied().max_by(|a, b| value(a).total_cmp(&value(b))).unwrap();
        assert!((most.0[axis] - least.0[axis]).abs() > 100.0, "the values fill the chart");
        for pair in &pairs {
            let share = (value(pair) - value(&least)) / (value(&most) - value(&least));
            let place = least.0[axis] + share * (most.0[axis] - least.0[axis]);
            assert!((place - pair.0[axis]).abs() < 1e-6, "{pair:?}, expected {place}");
        }
    }
    let drawn = shown.browser.eval(&format!("document.querySelectorAll('#learning {chart} .line').length"));
    assert_eq!(number(&drawn) as usize, lines.len());
}

#[test]
fn chromium_draws_learning_curves_of_both_splits_and_marks_the_best() {
    let flags = "--evaluate-every 4 --evaluate-training --keep-best accuracy";
    let reported = Reported::new(&format!("train {FLAGS} {flags}"));
    let run = &reported.json["run"];
    let evaluations = list(&run["evaluations"]);
    let steps: Vec<_> = evaluations.iter().map(|one| number(&one["steps"])).collect();
    assert_eq!(steps, [4, 6, 8, 12, 16, 18]);
    assert_eq!(evaluations.iter().map(|one| number(&one["epoch"])).collect::<Vec<_>>(), [0, 0, 1, 1, 2, 2]);
    for (epoch, last) in list(&run["epochs"]).iter().zip([1, 3, 5]) {
        assert_eq!(epoch["test_loss"], evaluations[last]["test_loss"]);
    }
    let mut shown = reported.open();
    holds_lines(
        &mut shown,
        CHARTS[0],
        &[
            ("training steps, mean since the evaluation before", expected(evaluations, "loss")),
            ("training split", expected(evaluations, "training_loss")),
            ("test split", expected(evaluations, "test_loss")),
        ],
    );
    holds_lines(
        &mut shown,
        CHARTS[1],
        &[
            ("training split", expected(evaluations, "training_accuracy")),
            ("test split", expected(evaluations, "accuracy")),
        ],
    );
    let best = steps.iter().position(|steps| *steps == number(&run["best"]["steps"])).unwrap();
    for chart in CHARTS {
        let marks = shown.numbers(&format!("#learning {chart} .mark"), ["cx", "cy"]);
        let dots = shown.numbers(&format!("#learning {chart} [data-line=\"test split\"] .dot"), ["cx", "cy"]);
        assert_eq!(marks, [dots[best]]);
    }
    assert!(shown.words("#learning-body p").contains("the best by accuracy"));

    // Keys and the pointer read the figures of one evaluation.
    let reading = "#learning figure:nth-child(1) .reading";
    shown.browser.eval("document.querySelector('#learning svg').focus()");
    for (key, at) in
        [("End", 5), ("ArrowLeft", 4), ("Home", 0), ("ArrowRight", 1), ("ArrowLeft", 0), ("ArrowLeft", 0)]
    {
        shown.browser.press(key);
        let words = shown.words(reading);
        assert!(
            words.starts_with(&format!("Step {}, epoch {}: ", steps[at], evaluations[at]["epoch"])),
            "{words}"
        );
        let loss = evaluations[at]["test_loss"].as_f64().unwrap();
        let told: f64 =
            words.split("test split ").nth(1).unwrap().split(';').next().unwrap().parse().unwrap();
        assert!((told - loss).abs() <= 5e-4 * loss, "{words}, expected {loss}");
        assert_eq!(words.ends_with("kept as the best"), at == best, "{words}");
    }
    shown.point_at("#learning figure:nth-child(2) [data-line=\"test split\"] .dot:nth-of-type(3)");
    assert!(shown.words("#learning figure:nth-child(2) .reading").starts_with("Step 8, epoch 1: "));
    shown.is_quiet(&reported);
}

#[test]
fn chromium_draws_losses_of_many_magnitudes_on_a_logarithmic_scale() {
    let reported = Reported::new(&format!("train {FLAGS}")).changed(|json| {
        for (at, evaluation) in json["run"]["evaluations"].as_array_mut().unwrap().iter_mut().enumerate() {
            let loss = [2e4, 30.0, 0.5][at];
            evaluation["loss"] = json!(loss);
            evaluation["test_loss"] = json!(2.0 * loss);
        }
    });
    let evaluations = list(&reported.json["run"]["evaluations"]);
    let mut shown = reported.open();
    let logarithms = |key| {
        expected(evaluations, key)
            .into_iter()
            .map(|[steps, loss]| [steps, f64::log10(loss)])
            .collect::<Vec<_>>()
    };
    let lines = [
        ("training steps, mean since the evaluation before", logarithms("loss")),
        ("test split", logarithms("test_loss")),
    ];
    holds_lines(&mut shown, CHARTS[0], &lines);
    assert!(shown.words("#learning figcaption").contains("logarithmic scale"));
    let ticks = shown.browser.eval(
        "[...document.querySelectorAll('#learning figure:nth-child(1) text[text-anchor=end]')].map((tick) => tick.textContent)",
    );
    let ticks: Vec<f64> = list(&ticks).iter().map(|tick| text(tick).parse().unwrap()).collect();
    assert_eq!(ticks, [1.0, 10.0, 100.0, 1000.0, 10000.0]);
}

#[test]
fn chromium_draws_no_curve_of_one_evaluation() {
    let reported = Reported::new(&format!("train {FLAGS} --steps 3").replace("--epochs 3 ", ""));
    assert_eq!(list(&reported.json["run"]["evaluations"]).len(), 1);
    let mut shown = reported.open();
    assert!(shown.words("#learning-body").starts_with("After 3 steps: training loss "));
    assert_eq!(shown.browser.eval("document.querySelectorAll('#learning svg').length"), 0);
    shown.is_quiet(&reported);
}
