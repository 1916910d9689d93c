use serde_json::{Value, json};

use super::{epoch_figures, memory};
use crate::report::ComparisonSummary;
use crate::train::{Comparison, Contender};

/// Device, network and a row of figures for every strategy.
pub(super) fn comparison(summary: &ComparisonSummary) -> Value {
    let &ComparisonSummary { network, comparison } = summary;
    json!({
        "device": comparison.device,
        "network": network,
        "strategies": comparison.contenders.iter().map(|contender| figures(comparison, contender)).collect::<Vec<_>>(),
    })
}

fn figures(comparison: &Comparison, contender: &Contender) -> Value {
    let plan = &contender.plan;
    let [least, most] = contender.range_seconds();
    json!({
        "strategy": contender.strategy.to_string(),
        "accuracy": contender.accuracy(),
        "epochs": contender.epochs.iter().map(epoch_figures).collect::<Vec<_>>(),
        "seconds": contender.seconds,
        "median_seconds": contender.median_seconds(),
        "least_seconds": least,
        "most_seconds": most,
        "time_ratio": comparison.time_ratio(contender),
        "predicted_time_ratio": comparison.predicted_ratio(contender),
        "micro_batch": contender.micro_batch,
        "parts": contender.parts,
        "step_flops": contender.step_flops(),
        "recomputed_layers": plan.prediction.recomputed_layers,
        "recomputed_share": plan.prediction.recomputed_share(),
        "memory": memory(&contender.memory),
        "activation_bytes": contender.memory.counted.pool(),
        "saved_bytes": comparison.saved_bytes(contender),
        "weights_sha256": contender.weights_sha256,
        "equal_weights": comparison.has_equal_weights(contender),
    })
}
