use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{event, extended};
use crate::report::{Ranked, SweepRun, SweepSummary};

/// Event after a run of a sweep, with the flags that vary and their values.
pub fn sweep_run(flags: &BTreeMap<&str, &str>, run: &SweepRun) -> Value {
    event("sweep-run", extended(json!({ "flags": flags }), figures(run)))
}

/// Event after the last run of a sweep, with combinations from the best to the worst.
pub fn sweep(summary: &SweepSummary) -> Value {
    let combination = |Ranked { rank, index }: Ranked| {
        let combination = &summary.combinations[index];
        let flags: BTreeMap<_, _> = summary.flags.iter().zip(&combination.values).collect();
        let score = combination.score(summary.metric);
        json!({
            "flags": flags,
            "rank": rank,
            "mean": score.map(|score| score.mean),
            "standard_deviation": score.and_then(|score| score.deviation),
            "diverged": combination.diverged(),
            "runs": combination.runs.iter().map(figures).collect::<Vec<_>>(),
        })
    };
    let ranking = summary.ranking();
    let best = ranking.first().filter(|first| first.rank.is_some());
    let figures = json!({
        "metric": summary.metric.name(),
        "best": best.copied().map(combination),
        "combinations": ranking.iter().copied().map(combination).collect::<Vec<_>>(),
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
        "diverged": run.has_diverged(),
        "weights_sha256": run.weights_sha256,
    })
}
