//! Tables that text and Markdown reports share.

use super::number::{percent, signed};
use super::table::{Column, Table, known, numbers, words};
use super::{Choice, Effect, Lever, Outlook, PlanSummary};
use crate::memory::Category;
use crate::plan::{IntervalMemory, interval_memory};
use crate::strategy::Strategy;
use crate::train::{Comparison, MemoryReport};
use crate::words::grouped;

/// Planned bytes by category, and those of the pool's values at the pool's peak.
pub(super) fn planned_bytes(summary: &PlanSummary) -> Table {
    let prediction = &summary.plan.prediction;
    let live = &prediction.step_live[prediction.peak_action];
    let present = summary.planned.iter().filter(|(_, bytes)| *bytes > 0);
    let row = |(category, bytes): (Category, u64)| {
        let live = if live[category] > 0 { grouped(live[category]) } else { String::new() };
        vec![category.name().to_owned(), grouped(bytes), live]
    };
    let total = vec!["total".to_owned(), grouped(summary.planned.total()), grouped(live.total())];
    Table {
        columns: vec![words("device bytes"), numbers("planned"), numbers("live at peak")],
        rows: present.map(row).chain([total]).collect(),
    }
}

/// Planned and counted bytes by category.
pub(super) fn counted_bytes(memory: &MemoryReport) -> Table {
    let MemoryReport { planned, counted, .. } = memory;
    let both =
        planned.iter().zip(counted.iter()).filter(|((_, planned), (_, counted))| planned + counted > 0);
    let row = |((category, planned), (_, counted)): ((Category, u64), (Category, u64))| {
        vec![category.name().to_owned(), grouped(planned), grouped(counted)]
    };
    let total = vec!["total".to_owned(), grouped(planned.total()), grouped(counted.total())];
    Table {
        columns: vec![words("device bytes"), numbers("planned"), numbers("counted")],
        rows: both.map(row).chain([total]).collect(),
    }
}

/// Planned live bytes by interval at each one's peak, and the action that sets the peak.
pub(super) fn planned_intervals(summary: &PlanSummary) -> Table {
    let plan = summary.plan;
    let row = |part: &IntervalMemory| {
        let mut cells = interval_cells(part, part);
        cells.push(plan.step[part.peak_action].to_string());
        cells
    };
    Table {
        columns: interval_columns([numbers("peak"), words("set by")]),
        rows: interval_memory(plan, &plan.prediction.step_live).iter().map(row).collect(),
    }
}

/// Live bytes by interval at each one's peak. Categories are as counted, or as planned if nothing was counted.
pub(super) fn counted_intervals(memory: &MemoryReport) -> Table {
    let row = |(index, planned): (usize, &IntervalMemory)| {
        let counted = memory.counted_intervals.get(index);
        let mut cells = interval_cells(planned, counted.unwrap_or(planned));
        cells.push(known(counted.map(|counted| counted.at_peak.total())));
        cells
    };
    Table {
        columns: interval_columns([numbers("planned peak"), numbers("counted peak")]),
        rows: memory.planned_intervals.iter().enumerate().map(row).collect(),
    }
}

fn interval_columns(last: [Column; 2]) -> Vec<Column> {
    let categories = Category::ACTIVATIONS.map(|category| numbers(category.name()));
    [words("live bytes by interval")].into_iter().chain(categories).chain(last).collect()
}

/// The name of `part`, the bytes by category of `shown`, and the peak of `part`.
fn interval_cells(part: &IntervalMemory, shown: &IntervalMemory) -> Vec<String> {
    let bytes = Category::ACTIVATIONS.map(|category| grouped(shown.at_peak[category]));
    [interval_name(part)].into_iter().chain(bytes).chain([grouped(part.at_peak.total())]).collect()
}

fn interval_name(part: &IntervalMemory) -> String {
    let (first, last) = (part.layers.start, part.layers.end - 1);
    let layers = if first == last { format!("layer {first}") } else { format!("layers {first}-{last}") };
    if part.is_forward_pass { format!("forward pass, {layers}") } else { layers }
}

/// Bytes and recomputation of strategies.
pub(super) fn choices(choices: &[Choice]) -> Table {
    let row = |choice: &Choice| {
        vec![
            choice.strategy.to_string(),
            grouped(choice.device_bytes),
            grouped(choice.pool_bytes),
            grouped(choice.recomputed_layers as u64),
            percent(choice.recomputed_share),
        ]
    };
    Table {
        columns: vec![
            words("strategy"),
            numbers("device bytes"),
            numbers("activation bytes"),
            numbers("recomputed layers"),
            numbers("of a forward pass"),
        ],
        rows: choices.iter().map(row).collect(),
    }
}

/// The requested plan and other settings: bytes, recomputation and time.
pub(super) fn levers(outlook: &Outlook) -> Table {
    let budget = match outlook.summary.strategy {
        Strategy::Budget(bytes) => Some(bytes),
        _ => None,
    };
    let within = |lever: &Lever, budget: u64| match &lever.effect {
        Some(_) if lever.is_fastest => "fastest",
        Some(effect) if effect.choice.device_bytes <= budget => "yes",
        _ => "no",
    };
    let row = |lever: &Lever| {
        let mut cells = vec![lever.change.clone(), grouped(lever.micro_batch as u64)];
        match &lever.effect {
            Some(Effect { choice, step_flops_ratio, expected_time_ratio }) => cells.extend([
                grouped(choice.device_bytes),
                percent(choice.recomputed_share),
                format!("{step_flops_ratio:.2}"),
                format!("{expected_time_ratio:.2}"),
            ]),
            None => cells.extend(["does not fit", "", "", ""].map(str::to_owned)),
        }
        cells.extend(budget.map(|budget| within(lever, budget).to_owned()));
        cells
    };
    let mut columns = vec![
        words("settings"),
        numbers("micro-batch"),
        numbers("device bytes"),
        numbers("recomputed, of a forward pass"),
        numbers("step FLOPs"),
        numbers("expected time"),
    ];
    columns.extend(budget.map(|_| words("within the budget")));
    Table { columns, rows: outlook.levers.iter().map(row).collect() }
}

/// Bytes by strategy.
pub(super) fn compared_bytes(comparison: &Comparison) -> Table {
    let baseline = comparison.baseline();
    let all = baseline.memory.counted.pool().max(1);
    let rows = comparison.contenders.iter().map(|contender| {
        let memory = &contender.memory;
        let activations = memory.counted.pool();
        vec![
            comparison.name(contender),
            grouped(activations),
            percent(activations as f64 / all as f64),
            grouped(memory.planned.total()),
            grouped(memory.counted.total()),
            known(memory.driver.map(|driver| driver.allocated)),
            signed(comparison.saved_bytes(contender)),
        ]
    });
    Table {
        columns: vec![
            words("bytes by strategy"),
            numbers("activations"),
            numbers(format!("of {}", baseline.strategy)),
            numbers("planned"),
            numbers("counted"),
            numbers("driver"),
            numbers("saved"),
        ],
        rows: rows.collect(),
    }
}

/// Time by strategy, without evaluations: the median and the range over all runs, and ratios to the baseline's time.
pub(super) fn compared_times(comparison: &Comparison) -> Table {
    let rows = comparison.contenders.iter().map(|contender| {
        let [shortest, longest] = contender.range_seconds();
        vec![
            comparison.name(contender),
            format!("{:.3}", contender.median_seconds()),
            format!("{shortest:.3}"),
            format!("{longest:.3}"),
            format!("{:.2}", comparison.time_ratio(contender)),
            format!("{:.2}", comparison.predicted_ratio(contender)),
            grouped(contender.plan.prediction.recomputed_layers as u64),
            if comparison.has_equal_weights(contender) { "equal" } else { "DIFFER" }.to_owned(),
        ]
    });
    Table {
        columns: vec![
            words("seconds by strategy"),
            numbers("median"),
            numbers("shortest"),
            numbers("longest"),
            numbers(format!("of {}", comparison.baseline().strategy)),
            numbers("predicted by FLOPs"),
            numbers("recomputed layers"),
            words("weights"),
        ],
        rows: rows.collect(),
    }
}
