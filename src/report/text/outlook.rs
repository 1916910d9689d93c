use std::fmt::Write;

use super::intervals;
use super::table::aligned;
use crate::report::number::percent;
use crate::report::{Choice, Outlook, notes, tables};
use crate::words::grouped;

/// Length of the frontier's longest bar, in characters.
const BAR: usize = 50;

/// Result of `ckpt-gpu plan`, for a terminal of `width` characters.
pub fn outlook(outlook: &Outlook, width: usize) -> String {
    let summary = &outlook.summary;
    let mut text = format!("{}\nfor {}\n", super::plan(summary), outlook.planned_for);
    if let Some(bound) = notes::bound(outlook) {
        let _ = writeln!(text, "{bound}");
    }
    let _ = write!(text, "\n{}{}\n", aligned(&tables::planned_bytes(summary), width), notes::peak(summary));
    let _ = write!(text, "\n{}", intervals(tables::planned_intervals(summary), width));
    let _ = write!(text, "\n{}{}\n", aligned(&tables::levers(outlook), width), notes::LEVERS);
    let _ = write!(text, "\n{}", frontier(&outlook.frontier, &outlook.asked()));
    text
}

/// One bar per budget, cut off at two forward passes. The last budget that is no larger than `asked` is marked.
fn frontier(points: &[Choice], asked: &Choice) -> String {
    let most = points.iter().map(|point| point.recomputed_share).fold(0.0, f64::max).clamp(0.01, 2.0);
    let width = points.iter().map(|point| grouped(point.device_bytes).len()).max().unwrap_or(0);
    let marked = points.iter().rposition(|point| point.device_bytes <= asked.device_bytes);
    let mut text = "least recomputation, of a forward pass, by device bytes\n".to_owned();
    for (index, point) in points.iter().enumerate() {
        let length = (BAR as f64 * point.recomputed_share / most).round() as usize;
        let bar = "#".repeat(length.min(BAR)) + if length > BAR { ">" } else { "" };
        let mark = if marked == Some(index) { "  <- this plan's memory" } else { "" };
        let bytes = grouped(point.device_bytes);
        let _ = writeln!(text, "{bytes:>width$} |{bar} {}{mark}", percent(point.recomputed_share));
    }
    text
}
