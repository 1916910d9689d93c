//! Lines and tables for a terminal.

mod check;
mod comparison;
mod outlook;
mod table;

pub use check::check;
pub use comparison::comparison;
pub use outlook::outlook;

use table::aligned;

pub(crate) use super::number::grouped;
use super::number::plural;
use super::table::Table;
use super::{PlanSummary, RunSummary, notes, tables};
use crate::train::{Epoch, Evaluation};

/// Most intervals that a table lists.
const INTERVALS: usize = 30;

/// Line before the first step.
pub fn plan(summary: &PlanSummary) -> String {
    let &PlanSummary { strategy, plan, planned, micro_batch, parts, .. } = summary;
    let prediction = &plan.prediction;
    let (in_parts, each) = match parts {
        1 => (String::new(), "per step"),
        _ => (format!(", in {parts} micro-batches of {micro_batch}"), "for each"),
    };
    let recomputed = match prediction.recomputed_layers {
        0 => "nothing recomputed".to_owned(),
        layers => {
            let share = 100.0 * prediction.recomputed_share();
            format!("{} recomputed {each} ({share:.0} % of a forward pass)", plural("layer", layers))
        }
    };
    format!(
        "plan {strategy}: {} in {}{in_parts}, {recomputed}, {} bytes on the device, {} of them activations",
        plural("layer", plan.chain.layers()),
        plural("interval", plan.intervals.len()),
        grouped(planned.total()),
        grouped(planned.pool()),
    )
}

/// Line after an epoch, which took `seconds` with its evaluation.
pub fn epoch(epoch: &Epoch, seconds: f64) -> String {
    format!("epoch {}: loss {:.6}, test {}, {seconds:.2} s", epoch.index, epoch.loss, evaluation(&epoch.test))
}

/// Accuracy of a classifier, loss of a regression.
fn evaluation(test: &Evaluation) -> String {
    match test.accuracy {
        Some(accuracy) => format!("accuracy {accuracy:.4}"),
        None => format!("loss {:.6}", test.loss),
    }
}

/// Tables and lines after the last step.
pub fn done(run: &RunSummary) -> String {
    let memory = run.memory;
    format!(
        "\n{}{}\n\n{}\n{}",
        aligned(&tables::counted_bytes(memory)),
        notes::allocations(memory).join("\n"),
        intervals(tables::counted_intervals(memory)),
        notes::outcome(run).join("\n")
    )
}

/// The first rows of `table`, and how many follow.
fn intervals(mut table: Table) -> String {
    let left_out = table.rows.len().saturating_sub(INTERVALS);
    table.rows.truncate(INTERVALS);
    let more = match left_out {
        0 => String::new(),
        rows => format!("{rows} more, listed in report files\n"),
    };
    format!("{}{more}", aligned(&table))
}
