use serde::Serialize;

/// Scores of a regression, as means over the outputs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ValueScores {
    /// Mean squared error.
    pub mse: f64,
    /// Root of the mean squared error over all outputs.
    pub rmse: f64,
    /// Mean absolute error.
    pub mae: f64,
    /// Coefficient of determination: the share of the targets' variance that is explained. The mean over the outputs whose targets
    /// vary; `None` if there are none.
    pub r2: Option<f64>,
    /// The same of errors without their mean.
    pub explained_variance: Option<f64>,
    /// Scores of each output.
    pub by_output: Vec<OneOutput>,
}

/// Scores of one output.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct OneOutput {
    /// Mean squared error.
    pub mse: f64,
    /// Its root.
    pub rmse: f64,
    /// Mean absolute error.
    pub mae: f64,
    /// Coefficient of determination; `None` if the targets do not vary.
    pub r2: Option<f64>,
    /// Share of the targets' variance that is explained, if the mean error counts for nothing.
    pub explained_variance: Option<f64>,
}

impl ValueScores {
    /// Scores `answers` against `targets`, both `[samples, width]`.
    pub(super) fn of(width: usize, answers: &[f64], targets: &[f32]) -> Self {
        let by_output: Vec<_> = (0..width)
            .map(|output| {
                let of =
                    |row: usize| (answers[row * width + output], f64::from(targets[row * width + output]));
                OneOutput::of(&(0..targets.len() / width).map(of).collect::<Vec<_>>())
            })
            .collect();
        let mean = |score: fn(&OneOutput) -> Option<f64>| {
            let scores: Vec<f64> = by_output.iter().filter_map(score).collect();
            (!scores.is_empty()).then(|| scores.iter().sum::<f64>() / scores.len() as f64)
        };
        let mse = mean(|output| Some(output.mse)).unwrap_or(f64::NAN);
        ValueScores {
            mse,
            rmse: mse.sqrt(),
            mae: mean(|output| Some(output.mae)).unwrap_or(f64::NAN),
            r2: mean(|output| output.r2),
            explained_variance: mean(|output| output.explained_variance),
            by_output,
        }
    }
}

impl OneOutput {
    /// Scores pairs of an answer and its target.
    fn of(pairs: &[(f64, f64)]) -> Self {
        let samples = pairs.len() as f64;
        let mean = |term: &dyn Fn(&(f64, f64)) -> f64| pairs.iter().map(term).sum::<f64>() / samples;
        let (mean_target, mean_error) = (mean(&|pair| pair.1), mean(&|pair| pair.0 - pair.1));
        let variance = mean(&|pair| (pair.1 - mean_target).powi(2));
        let mse = mean(&|pair| (pair.0 - pair.1).powi(2));
        let spread = mean(&|pair| (pair.0 - pair.1 - mean_error).powi(2));
        // The mean of equal numbers may be rounded.
        let vary = pairs.iter().any(|pair| pair.1 != pairs[0].1);
        OneOutput {
            mse,
            rmse: mse.sqrt(),
            mae: mean(&|pair| (pair.0 - pair.1).abs()),
            r2: vary.then(|| 1.0 - mse / variance),
            explained_variance: vary.then(|| 1.0 - spread / variance),
        }
    }
}
