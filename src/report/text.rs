//! Lines and tables for people.

use std::fmt::Write;

use super::{PlanSummary, RunSummary};
use crate::memory::Category;
use crate::train::{Epoch, MemoryReport};

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
            let share = 100.0 * prediction.recomputed_flops as f64 / prediction.forward_flops as f64;
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

/// After each epoch.
pub fn epoch(epoch: &Epoch, seconds: f64) -> String {
    format!(
        "epoch {}: loss {:.6}, test accuracy {:.4}, {seconds:.2} s",
        epoch.index, epoch.loss, epoch.accuracy
    )
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
        table.row(&[category.name(), &grouped(planned), &grouped(counted)]);
    }
    table.row(&["total", &grouped(memory.planned.total()), &grouped(memory.counted.total())]);
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
    for (index, planned) in memory.planned_intervals.iter().enumerate() {
        let last = planned.layers.end - 1;
        let layers = match planned.layers.start {
            first if first == last => format!("layer {first}"),
            first => format!("layers {first}-{last}"),
        };
        let name = if planned.forward_sweep { format!("forward sweep, {layers}") } else { layers };
        let counted = memory.counted_intervals.get(index);
        let columns = Category::ACTIVATIONS.map(|category| match counted {
            Some(counted) => grouped(counted.at_peak[category]),
            None => grouped(planned.at_peak[category]),
        });
        let counted = counted.map_or_else(|| "-".to_owned(), |counted| grouped(counted.at_peak.total()));
        let planned = grouped(planned.at_peak.total());
        table.row(&[&name, &columns[0], &columns[1], &columns[2], &planned, &counted]);
    }
    table.to_string()
}

/// `1 layer`, `2 layers`.
fn counted(thing: &str, count: usize) -> String {
    if count == 1 { format!("1 {thing}") } else { format!("{count} {thing}s") }
}

/// `1234567` as `1,234,567`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Columns as wide as their widest cell; the first to the left, the others to the right.
struct Table(Vec<Vec<String>>);

impl Table {
    fn new(head: &[&str]) -> Self {
        let mut table = Table(Vec::new());
        table.row(head);
        table
    }

    fn row(&mut self, cells: &[&str]) {
        self.0.push(cells.iter().map(|&cell| cell.to_owned()).collect());
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let widths: Vec<usize> = (0..self.0[0].len())
            .map(|column| self.0.iter().map(|row| row[column].len()).max().unwrap_or(0))
            .collect();
        for row in &self.0 {
            write!(f, "{:<1$}", row[0], widths[0])?;
            for (cell, width) in row.iter().zip(&widths).skip(1) {
                write!(f, "  {cell:>width$}")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn digits_come_in_threes() {
        assert_eq!([0, 999, 1000, 1234567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
