//! Lines and tables for people.

mod check;
mod comparison;
mod outlook;
mod table;

pub use check::check;
pub use comparison::comparison;
pub use outlook::outlook;
pub(crate) use table::grouped;

use std::fmt::Write;

use table::{Table, counted};

use super::{PlanSummary, RunSummary};
use crate::memory::Category;
use crate::plan::IntervalMemory;
use crate::train::{Epoch, Evaluation, MemoryReport};

/// How many intervals a table lists.
const INTERVALS: usize = 30;

/// Before the first step.
pub fn plan(summary: &PlanSummary) -> String {
    let &PlanSummary { strategy, plan, planned, micro_batch, parts, .. } = summary;
    let prediction = &plan.prediction;
    let (in_parts, each) = match parts {
        1 => (String::new(), "a step"),
        _ => (format!(", in {parts} micro-batches of {micro_batch}"), "for each"),
    };
    let recomputed = match prediction.recomputed_layers {
        0 => "nothing recomputed".to_owned(),
        layers => {
            let share = 100.0 * prediction.recomputed_share();
            format!("{} recomputed {each} ({share:.0} % of one forward)", counted("layer", layers))
        }
    };
    format!(
        "plan {strategy}: {} in {}{in_parts}, {recomputed}, {} bytes on the device, {} of them activations",
        counted("layer", plan.chain.layers()),
        counted("interval", plan.intervals.len()),
        grouped(planned.total()),
        grouped(planned.pool()),
    )
}

/// After each epoch, which took `seconds` with its evaluation.
pub fn epoch(epoch: &Epoch, seconds: f64) -> String {
    format!("epoch {}: loss {:.6}, test {}, {seconds:.2} s", epoch.index, epoch.loss, evaluation(&epoch.test))
}

/// Of targets that are classes the accuracy, of others the loss.
fn evaluation(test: &Evaluation) -> String {
    match test.accuracy {
        Some(accuracy) => format!("accuracy {accuracy:.4}"),
        None => format!("loss {:.6}", test.loss),
    }
}

/// After the last step.
pub fn done(run: &RunSummary) -> String {
    format!(
        "\n{}\n{}\n{} steps in {:.2} s on {}\nweights sha256 {}",
        by_category(run.memory),
        by_interval(run.memory),
        run.steps,
        run.seconds,
        run.device,
        run.weights_sha256
    )
}

fn by_category(memory: &MemoryReport) -> String {
    let mut table = Table::new(&["device bytes", "planned", "counted"]);
    let rows = memory.planned.iter().zip(memory.counted.iter());
    for ((category, planned), (_, counted)) in
        rows.filter(|((_, planned), (_, counted))| planned + counted > 0)
    {
        table.row(&[category.name().to_owned(), grouped(planned), grouped(counted)]);
    }
    table.row(&["total".to_owned(), grouped(memory.planned.total()), grouped(memory.counted.total())]);
    let mut text = table.to_string();
    if let Some(driver) = memory.driver {
        let _ = writeln!(
            text,
            "driver: {} allocated, {} reserved; its own allocations are among them",
            grouped(driver.allocated),
            grouped(driver.reserved)
        );
    }
    let _ = writeln!(text, "buffers made after the first step: {}", memory.allocations_after_first_step);
    text
}

/// Live bytes when each part of a step holds most; counted columns repeat the planned ones where all is well.
fn by_interval(memory: &MemoryReport) -> String {
    let mut table = Table::new(&[
        "live bytes, by interval",
        "checkpoints",
        "recomputed",
        "deltas",
        "planned peak",
        "counted peak",
    ]);
    for (index, planned) in memory.planned_intervals.iter().enumerate().take(INTERVALS) {
        let counted = memory.counted_intervals.get(index);
        let shown = counted.unwrap_or(planned);
        let counted = counted.map_or_else(|| "-".to_owned(), |counted| grouped(counted.at_peak.total()));
        let mut cells = interval_cells(planned, shown);
        cells.push(counted);
        table.row(&cells);
    }
    format!("{table}{}", more_intervals(&memory.planned_intervals))
}

/// The name of a part of a step, what `shown` of it holds by category, and its peak.
fn interval_cells(part: &IntervalMemory, shown: &IntervalMemory) -> Vec<String> {
    let last = part.layers.end - 1;
    let layers = match part.layers.start {
        first if first == last => format!("layer {first}"),
        first => format!("layers {first}-{last}"),
    };
    let name = if part.is_forward_pass { format!("forward sweep, {layers}") } else { layers };
    let held = Category::ACTIVATIONS.map(|category| grouped(shown.at_peak[category]));
    [name].into_iter().chain(held).chain([grouped(part.at_peak.total())]).collect()
}

/// Says how many intervals a table leaves out, and what they hold at most.
fn more_intervals(intervals: &[IntervalMemory]) -> String {
    match intervals.get(INTERVALS..) {
        None | Some([]) => String::new(),
        Some(rest) => {
            let most = rest.iter().map(|part| part.at_peak.total()).max().unwrap_or(0);
            format!("{} more, of at most {} bytes; --json has them all\n", rest.len(), grouped(most))
        }
    }
}
