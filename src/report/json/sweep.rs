use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{event, extended};
use crate::report::{Combination, SweepRun, SweepSummary};

/// Event after a run of a sweep, with the flags that vary and their values.
pub fn sweep_run(flags: &BTreeMap<&str, &str>, run: &SweepRun) -> Value {
    event("sweep-run", extended(json!({ "flags": flags }), figures(run)))
}

/// Event after the last run of a sweep, with combinations from the best to the worst.
pub fn sweep(summary: &SweepSummary) -> Value {
    let combinations = summary.ranking().into_iter().map(|index| &summary.combinations[index]);
    let combination = |combination: &Combination| {
        let flags: BTreeMap<_, _> = summary.flags.iter().zip(&combination.values).collect();
        let score = combination.score(summary.metric);
        json!({
            "flags": flags,
            "mean": score.map(|score| score.mean),
            "standard_deviation": score.and_then(|score| score.deviation),
            "diverged": combination.diverged(),
            "runs": combination.runs.iter().map(figures).collect::<Vec<_>>(),
        })
    };
    let figures = json!({
        "metric": summary.metric.name(),
        "best": summary.best().map(combination),
        "combinations": combinations.map(combination).collect::<Vec<_>>(),
    });
    event("sweep", figures)
}

fn figures(run: &SweepRun) -> Value {
    json!({
        "seed": run.seed,
        "fold": run.fold,
        "evaluated_on": run.evaluated_on,
        "scores": run.scores,
        "steps": run.steps,
        "stopped_early": run.stopped_early,
        "weights_sha256": run.weights_sha256,
    })
}
