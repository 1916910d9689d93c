//! JSON, one object a line.

mod check;
mod outlook;

pub use check::{check, checked};
pub use outlook::outlook;

use std::collections::BTreeMap;
use std::ops::Range;

use serde::Serialize;
use serde_json::{Value, json};

use super::{PlanSummary, RunSummary, SCHEMA};
use crate::plan::IntervalMemory;
use crate::train::Epoch;

/// Before the first step. Actions, recomputed layers and FLOPs are those of one micro-batch.
pub fn plan(summary: &PlanSummary) -> Value {
    let &PlanSummary { strategy, network, plan, planned, micro_batch, parts } = summary;
    let prediction = &plan.prediction;
    json!({
        "schema": SCHEMA,
        "event": "plan",
        "strategy": strategy.to_string(),
        "network": network,
        "micro_batch": micro_batch,
        "parts": parts,
        "intervals": plan.intervals.iter().map(range).collect::<Vec<_>>(),
        "slots": plan.slots.len(),
        "actions": plan.step.len(),
        "planned_peak_bytes": planned.total(),
        "planned_activation_bytes": planned.pool(),
        "planned_live_peak_bytes": plan.peak_live_bytes(),
        "categories": planned,
        "forward_flops": prediction.forward_flops,
        "recomputed_layers": prediction.recomputed_layers,
        "recomputed_flops": prediction.recomputed_flops,
    })
}

/// After each epoch.
pub fn epoch(epoch: &Epoch, seconds: f64) -> Value {
    json!({
        "schema": SCHEMA,
        "event": "epoch",
        "epoch": epoch.index,
        "loss": epoch.loss,
        "accuracy": epoch.accuracy,
        "seconds": seconds,
    })
}

/// After the last step.
pub fn done(run: &RunSummary) -> Value {
    let memory = run.memory;
    let categories: BTreeMap<&str, Both> = (memory.planned.iter().zip(memory.counted.iter()))
        .map(|((category, planned), (_, counted))| (category.name(), Both { planned, counted }))
        .collect();
    json!({
        "schema": SCHEMA,
        "event": "done",
        "steps": run.steps,
        "seconds": run.seconds,
        "device": run.device,
        "memory": {
            "planned_peak_bytes": memory.planned.total(),
            "counted_peak_bytes": memory.counted.total(),
            "driver_allocated_bytes": memory.driver.map(|driver| driver.allocated),
            "driver_reserved_bytes": memory.driver.map(|driver| driver.reserved),
            "allocations_after_first_step": memory.allocations_after_first_step,
            "objects_after_first_step": memory.objects_after_first_step,
            "categories": categories,
            "intervals": {
                "planned": memory.planned_intervals.iter().map(interval).collect::<Vec<_>>(),
                "counted": memory.counted_intervals.iter().map(interval).collect::<Vec<_>>(),
            },
        },
        "weights_sha256": run.weights_sha256,
    })
}

#[derive(Serialize)]
struct Both {
    planned: u64,
    counted: u64,
}

fn interval(row: &IntervalMemory) -> Value {
    json!({
        "part": if row.forward_sweep { "forward" } else { "interval" },
        "layers": range(&row.layers),
        "live_bytes": row.at_peak,
        "live_peak_bytes": row.at_peak.total(),
        "peak_action": row.peak_action,
    })
}

fn range(range: &Range<usize>) -> [usize; 2] {
    [range.start, range.end]
}
