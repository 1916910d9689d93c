use std::fmt::Write;

use crate::memory::{ByCategory, Category};
use crate::plan::{Plan, interval_memory};
use crate::report::{Content, Report};
use crate::train::{Comparison, MemoryReport, Scores, SplitScores};

/// Bytes by interval of a plan or a run; figures by strategy of a comparison; scores by class or output of an evaluation.
pub(super) fn table(report: &Report) -> String {
    match report.content {
        Content::Plan(outlook) => intervals(outlook.summary.plan, None),
        Content::Run(summary, run) => intervals(summary.plan, Some(run.memory)),
        Content::Comparison(summary) => strategies(summary.comparison),
        Content::Evaluation(summary) => scores(summary.result),
    }
}

/// A row for each interval of `plan`; the counted columns are empty if it was not run.
fn intervals(plan: &Plan, run: Option<&MemoryReport>) -> String {
    let planned = interval_memory(plan, &plan.prediction.step_live);
    let counted = run.map(|memory| memory.counted_intervals.as_slice()).unwrap_or_default();

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
        let part = if row.is_forward_pass { "forward" } else { "interval" };
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

/// A cell for each category of activations and one for their sum; empty cells for bytes that were not counted.
fn cells(bytes: Option<&ByCategory>) -> String {
    let Some(bytes) = bytes else { return ",".repeat(Category::ACTIVATIONS.len()) };
    let categories = Category::ACTIVATIONS.map(|category| bytes[category].to_string());
    format!("{},{}", categories.join(","), bytes.total())
}

/// A row for each strategy. Times cover all steps of a training, without evaluations.
fn strategies(comparison: &Comparison) -> String {
    let mut text =
        "strategy,accuracy,median_seconds,least_seconds,most_seconds,time_ratio,predicted_time_ratio,\
                    recomputed_layers,activation_bytes,planned_peak_bytes,counted_peak_bytes,\
                    driver_allocated_bytes,saved_bytes,equal_weights,micro_batch,parts\n"
            .to_owned();
    for contender in &comparison.contenders {
        let memory = &contender.memory;
        let [least, most] = contender.range_seconds();
        let _ = writeln!(
            text,
            "{},{},{},{least},{most},{},{},{},{},{},{},{},{},{},{},{}",
            contender.strategy,
            contender.accuracy().map(|accuracy| accuracy.to_string()).unwrap_or_default(),
            contender.median_seconds(),
            comparison.time_ratio(contender),
            comparison.predicted_ratio(contender),
            contender.plan.prediction.recomputed_layers,
            memory.counted.pool(),
            memory.planned.total(),
            memory.counted.total(),
            memory.driver.map(|driver| driver.allocated.to_string()).unwrap_or_default(),
            comparison.saved_bytes(contender),
            comparison.has_equal_weights(contender),
            contender.micro_batch,
            contender.parts,
        );
    }
    text
}

/// A row for each class or output. A score that is undefined is an empty cell.
fn scores(result: &SplitScores) -> String {
    let optional = |score: Option<f64>| score.map(|score| score.to_string()).unwrap_or_default();
    let (head, rows): (_, Vec<String>) = match &result.scores {
        Scores::Classes(scores) => {
            let cells = scores.by_class.iter().map(|class| {
                let [roc_auc, average_precision] = [class.roc_auc, class.average_precision].map(optional);
                let (samples, precision, recall, f1) =
                    (class.samples, class.precision, class.recall, class.f1);
                format!("{samples},{precision},{recall},{f1},{roc_auc},{average_precision}")
            });
            ("class,samples,precision,recall,f1,roc_auc,average_precision", cells.collect())
        }
        Scores::Values(scores) => {
            let cells = scores.by_output.iter().map(|output| {
                let [r2, explained] = [output.r2, output.explained_variance].map(optional);
                format!("{},{},{},{r2},{explained}", output.mse, output.rmse, output.mae)
            });
            ("output,mse,rmse,mae,r2,explained_variance", cells.collect())
        }
    };
    let mut text = format!("{head}\n");
    for (name, cells) in result.names.iter().zip(rows) {
        let _ = writeln!(text, "{},{cells}", quoted(name));
    }
    text
}

/// `name` as one cell, with quotes where a reader would otherwise split it (RFC 4180).
fn quoted(name: &str) -> String {
    if name.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", name.replace('"', "\"\""))
    } else {
        name.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_cell() {
        assert_eq!(["a b", "a,b", "a\"b", "a\nb"].map(quoted), ["a b", "\"a,b\"", "\"a\"\"b\"", "\"a\nb\""]);
    }
}
