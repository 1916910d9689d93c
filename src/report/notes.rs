//! Sentences that text and Markdown reports share.

use super::number::percent;
use super::{Outlook, PlanSummary, RunSummary};
use crate::memory::{ByCategory, Category};
use crate::train::{Best, Comparison, Contender, Evaluation, MemoryReport};
use crate::words::{counted, grouped};

/// What the ratios of the table of settings are relative to.
pub const LEVERS: &str = "FLOPs and times are relative to storing everything in one piece";

/// Recomputation beside its lower bound, if the planner knows one.
pub(super) fn bound(outlook: &Outlook) -> Option<String> {
    let bound = outlook.bound_flops?;
    let prediction = &outlook.summary.plan.prediction;
    let forward = prediction.forward_flops as f64;
    Some(format!(
        "recomputes {} of a forward pass; the lower bound for this memory is {}",
        percent(prediction.recomputed_flops as f64 / forward),
        percent(bound / forward)
    ))
}

/// The action that sets the pool's peak.
pub(super) fn peak(summary: &PlanSummary) -> String {
    let step = &summary.plan.step;
    let peak = summary.plan.prediction.peak_action;
    format!("the pool peaks at action {peak} of {}: {}", grouped(step.len() as u64), step[peak])
}

/// Names the strategies whose saving is partly due to a dataset on the host, where the baseline's is on the device.
pub(super) fn dataset_on_host(comparison: &Comparison) -> Option<String> {
    let dataset = |contender: &Contender| contender.memory.counted[Category::Dataset];
    let on_device = dataset(comparison.baseline());
    let elsewhere = comparison.contenders.iter().filter(|contender| dataset(contender) < on_device);
    let names: Vec<_> = elsewhere.map(|contender| contender.strategy.to_string()).collect();
    (!names.is_empty()).then(|| {
        format!(
            "{}: the dataset is on the host, which saves {} of the bytes and uploads every micro-batch",
            names.join(", "),
            grouped(on_device)
        )
    })
}

/// Test accuracy or loss of every epoch, one line for all strategies with equal ones.
pub(super) fn scores(comparison: &Comparison) -> impl Iterator<Item = String> {
    let mut groups: Vec<(Vec<String>, &Contender)> = Vec::new();
    for contender in &comparison.contenders {
        let name = comparison.name(contender);
        match groups.iter_mut().find(|(_, like)| have_equal_scores(like, contender)) {
            Some((names, _)) => names.push(name),
            None => groups.push((vec![name], contender)),
        }
    }
    groups.into_iter().map(|(names, contender)| {
        let split = contender.epochs.last().map_or("test", |epoch| epoch.test.on.name());
        let kind = if contender.accuracy().is_some() { "accuracy" } else { "loss" };
        let epochs = contender.epochs.iter().map(|epoch| match epoch.test {
            Evaluation { accuracy: Some(accuracy), .. } => format!("{accuracy:.4}"),
            Evaluation { loss, .. } => format!("{loss:.6}"),
        });
        let epochs = epochs.collect::<Vec<_>>().join(" ");
        format!("{split} {kind} by epoch, {}: {epochs}", names.join(", "))
    })
}

fn have_equal_scores(a: &Contender, b: &Contender) -> bool {
    a.epochs.iter().map(|epoch| epoch.test).eq(b.epochs.iter().map(|epoch| epoch.test))
}

/// Planned and counted bytes at the peak, and what most of them are.
pub(super) fn peak_bytes(memory: &MemoryReport) -> String {
    let [planned, counted] = [&memory.planned, &memory.counted].map(ByCategory::total);
    let equal = if planned == counted {
        format!("{} bytes at the peak, planned and counted", grouped(planned))
    } else {
        format!("{} bytes at the peak, {} planned", grouped(counted), grouped(planned))
    };
    let mut largest: Vec<_> = memory.counted.iter().filter(|(_, bytes)| *bytes > 0).collect();
    largest.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    let named =
        largest.iter().take(3).map(|(category, bytes)| format!("{} {}", category.name(), grouped(*bytes)));
    format!("{equal}: {}", named.collect::<Vec<_>>().join(", "))
}

/// Bytes that the driver reports, if it does, by how much they pass the budget, and the buffers allocated after the first step.
pub(super) fn allocations(memory: &MemoryReport) -> Vec<String> {
    let driver = memory.driver.map(|driver| {
        format!(
            "driver: {} bytes allocated, {} reserved, including its own",
            grouped(driver.allocated),
            grouped(driver.reserved)
        )
    });
    let over = memory.reserved_over_budget().filter(|&bytes| bytes > 0).map(|bytes| {
        format!(
            "the driver reserves {} bytes more than the budget, which bounds the buffers in its blocks of memory",
            grouped(bytes)
        )
    });
    let made = format!("buffers allocated after the first step: {}", memory.allocations_after_first_step);
    driver.into_iter().chain(over).chain([made]).collect()
}

/// Steps, time and device; the best parameters, if they are the result; the hash of the weights.
pub(super) fn outcome(run: &RunSummary) -> Vec<String> {
    let mut lines = vec![format!("{} in {:.2} s on {}", counted(run.steps, "step"), run.seconds, run.device)];
    if let Some(best) = run.best.and_then(Best::so_far) {
        let stopped = if run.stopped_early {
            format!("stopped early, after {} without improvement; ", counted(best.since, "evaluation"))
        } else {
            String::new()
        };
        lines.push(format!(
            "{stopped}the result is the parameters after {}, with the best {}, {:.6}",
            counted(best.steps, "step"),
            best.metric,
            best.value
        ));
    }
    lines.push(format!("weights sha256 {}", run.weights_sha256));
    lines
}
