use serde_json::{Value, json};

use super::{event, short};
use crate::device::DeviceInfo;
use crate::train::{RangeStep, RangeTest, RangeTestResult};

/// The result of a range test.
pub fn range_test(test: &RangeTest, device: &DeviceInfo, tested: &RangeTestResult) -> Value {
    let figures = json!({
        "device": device,
        "from": short(test.from),
        "to": short(test.to),
        "steps": test.steps,
        "tested": tested.steps.iter().map(step).collect::<Vec<_>>(),
        "diverged": tested.has_diverged,
        "lowest": tested.lowest().map(step),
        "suggested_lr": tested.suggestion().and_then(short),
    });
    event("find-lr", figures)
}

fn step(step: &RangeStep) -> Value {
    json!({ "lr": short(step.rate), "loss": step.loss, "smoothed_loss": step.smoothed })
}
