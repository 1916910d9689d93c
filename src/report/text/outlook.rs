use std::fmt::Write;

use super::table::{Table, grouped};
use super::{INTERVALS, interval_cells, more_intervals};
use crate::plan::interval_memory;
use crate::report::{Choice, MicroBatchChoice, Outlook};

/// How wide the frontier's bars are, in characters.
const BAR: usize = 50;

/// What `ckpt-gpu plan` shows.
pub fn outlook(outlook: &Outlook) -> String {
    let mut text = format!("{}\nfor {}\n", super::plan(&outlook.summary), outlook.planned_for);
    if let Some(bound) = outlook.bound_flops {
        let flops = outlook.summary.plan.prediction.recomputed_flops as f64;
        let forward = outlook.summary.plan.prediction.forward_flops as f64;
        let _ = writeln!(
            text,
            "recomputes {:.1} % of one forward; a lower bound for this memory is {:.1} %",
            100.0 * flops / forward,
            100.0 * bound / forward
        );
    }
    for part in [by_category(outlook), by_interval(outlook), compared(outlook), micro_batches(outlook)] {
        let _ = write!(text, "\n{part}");
    }
    let _ = write!(text, "\n{}", frontier(&outlook.frontier, &outlook.asked()));
    text
}

/// What each category takes, and when the pool's values take most.
fn by_category(outlook: &Outlook) -> String {
    let plan = outlook.summary.plan;
    let live = &plan.prediction.step_live[plan.prediction.peak_action];
    let mut table = Table::new(&["device bytes", "planned", "live at the pool's peak"]);
    for (category, bytes) in outlook.summary.planned.iter().filter(|(_, bytes)| *bytes > 0) {
        let live = if live[category] > 0 { grouped(live[category]) } else { String::new() };
        table.row(&[category.name().to_owned(), grouped(bytes), live]);
    }
    table.row(&["total".to_owned(), grouped(outlook.summary.planned.total()), grouped(live.total())]);
    let peak = plan.prediction.peak_action;
    format!("{table}the pool's peak comes with action {peak} of {}: {}\n", plan.step.len(), plan.step[peak])
}

fn by_interval(outlook: &Outlook) -> String {
    let plan = outlook.summary.plan;
    let intervals = interval_memory(plan, &plan.prediction.step_live);
    let head = ["live bytes, by interval", "checkpoints", "recomputed", "deltas", "peak", "set by"];
    let mut table = Table::new(&head);
    for part in intervals.iter().take(INTERVALS) {
        let mut cells = interval_cells(part, part);
        cells.push(plan.step[part.peak_action].to_string());
        table.row(&cells);
    }
    format!("{table}{}", more_intervals(&intervals))
}

fn compared(outlook: &Outlook) -> String {
    let mut table =
        Table::new(&["strategy", "device bytes", "activations", "layers recomputed", "of one forward"]);
    for choice in &outlook.compared {
        table.row(&[
            choice.strategy.to_string(),
            grouped(choice.device_bytes),
            grouped(choice.pool_bytes),
            grouped(choice.recomputed_layers as u64),
            percent(choice.recomputed_share),
        ]);
    }
    table.to_string()
}

fn micro_batches(outlook: &Outlook) -> String {
    let mut table = Table::new(&["in micro-batches of", "strategy", "device bytes", "of one forward"]);
    for MicroBatchChoice { micro_batch, choices } in &outlook.micro_batches {
        if choices.is_empty() {
            table.row(&[micro_batch.to_string(), "does not fit".to_owned(), String::new(), String::new()]);
        }
        for (index, choice) in choices.iter().enumerate() {
            table.row(&[
                if index == 0 { micro_batch.to_string() } else { String::new() },
                choice.strategy.to_string(),
                grouped(choice.device_bytes),
                percent(choice.recomputed_share),
            ]);
        }
    }
    table.to_string()
}

/// One bar a budget, cut off where it would be longer than two forward sweeps; the last line that `asked` has room
/// for is marked.
fn frontier(points: &[Choice], asked: &Choice) -> String {
    let most = points.iter().map(|point| point.recomputed_share).fold(0.0, f64::max).clamp(0.01, 2.0);
    let width = points.iter().map(|point| grouped(point.device_bytes).len()).max().unwrap_or(0);
    let marked = points.iter().rposition(|point| point.device_bytes <= asked.device_bytes);
    let mut text = "least recomputation, by bytes on the device\n".to_owned();
    for (index, point) in points.iter().enumerate() {
        let length = (BAR as f64 * point.recomputed_share / most).round() as usize;
        let bar = "#".repeat(length.min(BAR)) + if length > BAR { ">" } else { "" };
        let mark = if marked == Some(index) { "  <- this plan's memory" } else { "" };
        let bytes = grouped(point.device_bytes);
        let _ = writeln!(text, "{bytes:>width$} |{bar} {}{mark}", percent(point.recomputed_share));
    }
    text
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}
