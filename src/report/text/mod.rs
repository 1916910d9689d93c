//! Lines and tables for a terminal.

mod check;
mod comparison;
mod outlook;
mod range_test;
mod scores;
mod sweep;
mod table;

pub use check::check;
pub use comparison::comparison;
pub use outlook::outlook;
pub use range_test::range_test;
pub use scores::{scores, scores_in_one_line};
pub use sweep::sweep;

use table::aligned;

use super::table::Table;
use super::{PlanSummary, RunSummary, notes, tables};
use crate::train::{Epoch, Evaluation, EvaluationRecord};
use crate::words::{counted, grouped};

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
            format!("{} recomputed {each} ({share:.0} % of a forward pass)", counted(layers, "layer"))
        }
    };
    format!(
        "plan {strategy}: {} in {}{in_parts}, {recomputed}, {} bytes on the device, {} of them activations",
        counted(plan.chain.layers(), "layer"),
        counted(plan.intervals.len(), "interval"),
        grouped(planned.total()),
        grouped(planned.pool()),
    )
}

/// Line after an epoch, which took `seconds` with its evaluations; with that on the training split, if there is one.
pub fn epoch(epoch: &Epoch, training: Option<&Evaluation>, seconds: f64) -> String {
    let scores = [Some(&epoch.test), training].into_iter().flatten().map(score);
    let scores = scores.collect::<Vec<_>>().join(", ");
    format!("epoch {}: loss {:.6}, {scores}, {seconds:.2} s", epoch.index, epoch.loss)
}

/// Line after an evaluation within an epoch, after so many `steps`, the last of which have this mean `loss`.
pub fn evaluation(evaluated: &EvaluationRecord) -> String {
    let EvaluationRecord { steps, loss, test, training, .. } = evaluated;
    let scores = [Some(test), training.as_ref()].into_iter().flatten().map(score);
    format!("step {}: loss {loss:.6}, {}", grouped(*steps), scores.collect::<Vec<_>>().join(", "))
}

/// Accuracy of a classifier, loss of a regression.
fn score(evaluation: &Evaluation) -> String {
    match evaluation.accuracy {
        Some(accuracy) => format!("{} accuracy {accuracy:.4}", evaluation.on.name()),
        None => format!("{} loss {:.6}", evaluation.on.name(), evaluation.loss),
    }
}

/// Lines after the last step: planned and counted bytes, and the outcome.
pub fn summary(run: &RunSummary) -> String {
    let memory = run.memory;
    let lines =
        [notes::peak_bytes(memory)].into_iter().chain(notes::allocations(memory)).chain(notes::outcome(run));
    lines.collect::<Vec<_>>().join("\n")
}

/// Tables and lines after the last step, for a terminal of `width` characters.
pub fn tables(run: &RunSummary, width: usize) -> String {
    let memory = run.memory;
    format!(
        "\n{}{}\n\n{}\n{}",
        aligned(&tables::counted_bytes(memory), width),
        notes::allocations(memory).join("\n"),
        intervals(tables::counted_intervals(memory), width),
        notes::outcome(run).join("\n")
    )
}

/// The first rows of `table`, and how many follow.
fn intervals(mut table: Table, width: usize) -> String {
    let left_out = table.rows.len().saturating_sub(INTERVALS);
    table.rows.truncate(INTERVALS);
    let more = match left_out {
        0 => String::new(),
        rows => format!("{rows} more, listed in report files\n"),
    };
    format!("{}{more}", aligned(&table, width))
}
