use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::table::{Table, numbers, words};
use crate::train::Metric;
use crate::words::grouped;

/// A finished run of a sweep.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SweepRun {
    /// Its seed.
    pub seed: u64,
    /// Index of the fold that it holds out, if there are folds.
    pub fold: Option<usize>,
    /// Name of the split that the scores are of.
    pub evaluated_on: String,
    /// Identity of its samples.
    pub data: String,
    /// Every score that is defined, by the name of its metric. Empty for a run that diverged.
    pub scores: BTreeMap<String, f64>,
    /// Number of steps.
    pub steps: u64,
    /// `true` if it ended before its last step, because evaluations had stopped improving.
    pub stopped_early: bool,
    /// [`crate::model::Parameters::sha256`] of the resulting parameters; `None` for a run that diverged.
    pub weights_sha256: Option<String>,
}

/// Runs with equal flags, but for their seeds and folds.
#[derive(Debug, Clone, PartialEq)]
pub struct Combination {
    /// The values of the flags that vary.
    pub values: Vec<String>,
    /// Its runs.
    pub runs: Vec<SweepRun>,
}

/// Results of a sweep.
#[derive(Debug, Clone, PartialEq)]
pub struct SweepSummary {
    /// Metric that combinations are compared by.
    pub metric: Metric,
    /// Long names of the flags that vary.
    pub flags: Vec<String>,
    /// Combinations, in the order in which they ran.
    pub combinations: Vec<Combination>,
}

/// Mean and spread of the scores of several runs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MeanScore {
    /// Mean.
    pub mean: f64,
    /// Sample standard deviation; `None` for a single run.
    pub deviation: Option<f64>,
}

impl SweepRun {
    /// `true` if it diverged.
    pub fn has_diverged(&self) -> bool {
        self.weights_sha256.is_none()
    }
}

/// A combination's place among the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ranked {
    /// Rank from 1, which combinations with equal scores share; `None` without a score.
    pub rank: Option<usize>,
    /// Index of the combination, in the order in which they ran.
    pub index: usize,
}

impl Combination {
    /// Mean score of the runs; `None` if one has diverged or has no such score.
    pub fn score(&self, metric: Metric) -> Option<MeanScore> {
        let scores = self.runs.iter().map(|run| run.scores.get(metric.name()).copied());
        let scores: Vec<f64> = scores.collect::<Option<_>>()?;
        let count = scores.len() as f64;
        let mean = scores.iter().sum::<f64>() / count;
        let squares = scores.iter().map(|score| (score - mean).powi(2)).sum::<f64>();
        let deviation = (scores.len() > 1).then(|| (squares / (count - 1.0)).sqrt());
        (!scores.is_empty()).then_some(MeanScore { mean, deviation })
    }

    /// Number of runs that diverged.
    pub fn diverged(&self) -> usize {
        self.runs.iter().filter(|run| run.has_diverged()).count()
    }
}

impl SweepSummary {
    /// The combinations, the best first, and those without a score last.
    pub fn ranking(&self) -> Vec<Ranked> {
        let key = |index: usize| {
            let score = self.combinations[index].score(self.metric).map(|score| score.mean);
            match score {
                Some(mean) if self.metric.is_better_larger() => -mean,
                Some(mean) => mean,
                None => f64::INFINITY,
            }
        };
        let mut order: Vec<_> = (0..self.combinations.len()).collect();
        order.sort_by(|&a, &b| key(a).total_cmp(&key(b)));
        let rank = |index: usize| {
            self.combinations[index].score(self.metric)?;
            order.iter().position(|&other| key(other) == key(index)).map(|before| before + 1)
        };
        order.iter().map(|&index| Ranked { rank: rank(index), index }).collect()
    }

    /// Runs that diverged, of all combinations.
    pub fn diverged(&self) -> usize {
        self.combinations.iter().map(Combination::diverged).sum()
    }

    /// Metric and split of the scores, in a few words.
    pub fn about(&self) -> String {
        let runs = || self.combinations.iter().flat_map(|combination| &combination.runs);
        let splits: BTreeSet<&str> = runs().map(|run| &run.evaluated_on[..]).collect();
        let split = splits.into_iter().collect::<Vec<_>>().join(" or ");
        let share = if runs().any(|run| run.fold.is_some()) { ", cross-validated" } else { "" };
        format!("{} on the {split} split{share}: mean ± standard deviation over runs", self.metric.summary())
    }

    /// A row for each run, in the order in which they ran.
    pub(super) fn runs(&self) -> Table {
        let columns = self.flags.iter().map(words).chain([
            numbers("seed"),
            numbers("fold"),
            numbers("steps"),
            numbers(self.metric.name()),
            words("weights"),
        ]);
        let rows = self.combinations.iter().flat_map(|combination| {
            combination.runs.iter().map(|run| {
                let score = run.scores.get(self.metric.name());
                let rest = [
                    run.seed.to_string(),
                    run.fold.map_or("-".to_owned(), |fold| fold.to_string()),
                    grouped(run.steps),
                    score.map_or("-".to_owned(), |score| format!("{score:.6}")),
                    run.weights_sha256.clone().unwrap_or_else(|| "diverged".to_owned()),
                ];
                combination.values.iter().cloned().chain(rest).collect()
            })
        });
        Table { columns: columns.collect(), rows: rows.collect() }
    }

    /// A row for each combination, the best first.
    pub(super) fn table(&self) -> Table {
        let columns = [words("rank")].into_iter().chain(self.flags.iter().map(words)).chain([
            numbers("runs"),
            numbers(self.metric.name()),
            words(""),
        ]);
        let row = |Ranked { rank, index }: Ranked| {
            let combination = &self.combinations[index];
            let score = match (combination.score(self.metric), combination.diverged()) {
                (Some(MeanScore { mean, deviation: Some(deviation) }), _) => {
                    format!("{mean:.4} ± {deviation:.4}")
                }
                (Some(MeanScore { mean, deviation: None }), _) => format!("{mean:.4}"),
                (None, 0) => "undefined".to_owned(),
                (None, diverged) => format!("{diverged} diverged"),
            };
            let mark = if rank == Some(1) { "best" } else { "" };
            [rank.map_or("-".to_owned(), |rank| rank.to_string())]
                .into_iter()
                .chain(combination.values.iter().cloned())
                .chain([combination.runs.len().to_string(), score, mark.to_owned()])
                .collect()
        };
        Table { columns: columns.collect(), rows: self.ranking().into_iter().map(row).collect() }
    }
}
