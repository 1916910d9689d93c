use std::fmt::Write;

use super::Report;
use crate::memory::{ByCategory, Category};
use crate::plan::interval_memory;

/// The rows by interval, with what was counted where it was run.
pub(super) fn report(report: &Report) -> String {
    let plan = report.summary().plan;
    let planned = interval_memory(plan, &plan.prediction.step_live);
    let counted = report.run().map(|run| run.memory.counted_intervals.as_slice()).unwrap_or_default();

    let columns = |account: &str| {
        let categories = Category::ACTIVATIONS.map(|category| format!("{account}_{}_bytes", category.name()));
        format!("{},{account}_peak_bytes", categories.join(","))
    };
    let mut text = format!(
        "part,first_layer,last_layer,first_action,last_action,peak_action,{},{}\n",
        columns("planned"),
        columns("counted")
    );
    for (index, row) in planned.iter().enumerate() {
        let part = if row.forward_sweep { "forward" } else { "interval" };
        let _ = writeln!(
            text,
            "{part},{},{},{},{},{},{},{}",
            row.layers.start,
            row.layers.end - 1,
            row.actions.start,
            row.actions.end - 1,
            row.peak_action,
            cells(Some(&row.at_peak)),
            cells(counted.get(index).map(|row| &row.at_peak)),
        );
    }
    text
}

/// A cell for each category and one for their sum; empty ones for what was not counted.
fn cells(bytes: Option<&ByCategory>) -> String {
    let Some(bytes) = bytes else { return ",".repeat(Category::ACTIVATIONS.len()) };
    let categories = Category::ACTIVATIONS.map(|category| bytes[category].to_string());
    format!("{},{}", categories.join(","), bytes.total())
}
