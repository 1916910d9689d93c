use super::table::{Table, grouped};
use crate::memory::Category;
use crate::report::ComparisonSummary;
use crate::train::{Comparison, Contender, Evaluation};

/// What `ckpt-gpu compare` shows.
pub fn comparison(summary: &ComparisonSummary) -> String {
    let memory = format!("{}{}", memory(summary), on_host(summary.comparison));
    format!("{memory}\n{}\n{}", time(summary), accuracy(summary))
}

fn memory(summary: &ComparisonSummary) -> String {
    let comparison = summary.comparison;
    let of_baseline = format!("of {}'s", comparison.baseline().strategy);
    let head = ["bytes", "activations", &of_baseline, "device, planned", "counted", "by the driver", "saved"];
    let mut table = Table::new(&head);
    let all = comparison.baseline().memory.counted.pool().max(1);
    for contender in &comparison.contenders {
        let memory = &contender.memory;
        let activations = memory.counted.pool();
        table.row(&[
            contender.strategy.to_string(),
            grouped(activations),
            format!("{:.1} %", 100.0 * activations as f64 / all as f64),
            grouped(memory.planned.total()),
            grouped(memory.counted.total()),
            memory.driver.map_or_else(|| "-".to_owned(), |driver| grouped(driver.allocated)),
            signed(comparison.saved_bytes(contender)),
        ]);
    }
    table.to_string()
}

/// Says whose saving is not its schedule's: who keeps the data elsewhere than the baseline.
fn on_host(comparison: &Comparison) -> String {
    let dataset = |contender: &Contender| contender.memory.counted[Category::Dataset];
    let on_device = dataset(comparison.baseline());
    let elsewhere = comparison.contenders.iter().filter(|contender| dataset(contender) < on_device);
    let names: Vec<_> = elsewhere.map(|contender| contender.strategy.to_string()).collect();
    if names.is_empty() {
        return String::new();
    }
    format!(
        "{}: the data stays on the host, {} of the bytes saved, and every micro-batch is uploaded\n",
        names.join(", "),
        grouped(on_device)
    )
}

fn time(summary: &ComparisonSummary) -> String {
    let comparison = summary.comparison;
    let of_baseline = format!("of {}'s by round", comparison.baseline().strategy);
    let head = ["time", "median, s", "from", "to", &of_baseline, "by FLOPs", "layers recomputed", "weights"];
    let mut table = Table::new(&head);
    for contender in &comparison.contenders {
        let [least, most] = contender.range_seconds();
        table.row(&[
            contender.strategy.to_string(),
            format!("{:.3}", contender.median_seconds()),
            format!("{least:.3}"),
            format!("{most:.3}"),
            format!("{:.2}", comparison.time_ratio(contender)),
            format!("{:.2}", comparison.predicted_ratio(contender)),
            grouped(contender.plan.prediction.recomputed_layers as u64),
            if comparison.has_equal_weights(contender) { "equal" } else { "DIFFER" }.to_owned(),
        ]);
    }
    table.to_string()
}

/// One row for all strategies whose epochs came out alike.
fn accuracy(summary: &ComparisonSummary) -> String {
    let mut groups: Vec<(Vec<String>, &Contender)> = Vec::new();
    for contender in &summary.comparison.contenders {
        let name = contender.strategy.to_string();
        match groups.iter_mut().find(|(_, like)| is_like(like, contender)) {
            Some((names, _)) => names.push(name),
            None => groups.push((vec![name], contender)),
        }
    }
    let are_classes = summary.comparison.contenders.iter().all(|contender| contender.accuracy().is_some());
    let what = if are_classes { "accuracy" } else { "loss" };
    let line = |(names, contender): &(Vec<String>, &Contender)| {
        let epochs: Vec<_> = contender
            .epochs
            .iter()
            .map(|epoch| match epoch.test {
                Evaluation { accuracy: Some(accuracy), .. } => format!("{accuracy:.4}"),
                Evaluation { loss, .. } => format!("{loss:.6}"),
            })
            .collect();
        format!("test {what} by epoch, under {}: {}\n", names.join(", "), epochs.join(" "))
    };
    groups.iter().map(line).collect()
}

fn is_like(a: &Contender, b: &Contender) -> bool {
    a.epochs.iter().map(|epoch| epoch.test).eq(b.epochs.iter().map(|epoch| epoch.test))
}

fn signed(bytes: i64) -> String {
    let sign = if bytes < 0 { "-" } else { "" };
    format!("{sign}{}", grouped(bytes.unsigned_abs()))
}
