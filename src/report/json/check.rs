use serde_json::{Value, json};

use crate::check::{Check, Outcome, Verdict};
use crate::device::DeviceInfo;
use crate::report::SCHEMA;

/// One check. A figure that is no number, or infinite, is null, and so is `ok` of what could not be judged.
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

/// After the last check.
pub fn checked(device: &DeviceInfo, outcome: &Outcome) -> Value {
    json!({
        "schema": SCHEMA,
        "event": "done",
        "device": device,
        "checks": outcome.checks.len(),
        "failed": outcome.failed(),
    })
}
