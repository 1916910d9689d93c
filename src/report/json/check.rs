use serde_json::{Value, json};

use crate::check::{Check, Outcome, Verdict};
use crate::device::DeviceInfo;
use crate::report::SCHEMA;

/// Event of one check. A NaN or infinite figure is null, and so is `ok` of a check that could not be judged.
pub fn check(check: &Check) -> Value {
    let Check { name, figure, bound, verdict, detail } = check;
    let detail = match verdict {
        Verdict::Failed if !figure.is_finite() => format!("{detail} (the figure is {figure})"),
        _ => detail.clone(),
    };
    json!({
        "schema": SCHEMA,
        "event": "check",
        "name": name,
        "figure": figure.is_finite().then_some(figure),
        "bound": bound,
        "ok": match verdict {
            Verdict::Holds => Some(true),
            Verdict::Failed => Some(false),
            Verdict::NotJudged => None,
        },
        "detail": detail,
    })
}

/// Event after the last check.
pub fn checked(device: &DeviceInfo, outcome: &Outcome) -> Value {
    json!({
        "schema": SCHEMA,
        "event": "checked",
        "device": device,
        "checks": outcome.checks.len(),
        "failed": outcome.failed(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nan_and_infinite_figures_are_null_and_named_in_detail() {
        let line = |figure| check(&Check::new("delta", figure, 2e-6, "in layer 1".to_owned()));
        assert_eq!((&line(1e-7)["ok"], &line(1e-7)["figure"]), (&json!(true), &json!(1e-7)));
        for (figure, told) in [(f64::INFINITY, "inf"), (f64::NAN, "NaN")] {
            let line = line(figure);
            assert_eq!((&line["ok"], &line["figure"]), (&json!(false), &Value::Null));
            assert!(line["detail"].as_str().unwrap().contains(told), "{line}");
        }
    }
}
