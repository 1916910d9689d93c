use clap::Args;

use super::choices::{choices, count};
use crate::train::{Best, Fit, Metric, Selection};
use crate::{Error, Result, Setting};

/// Evaluations during training, and what follows from them.
#[derive(Debug, Args)]
#[command(next_help_heading = "Evaluation")]
pub(super) struct SelectionFlags {
    /// Steps between two evaluations, beside that at the end of each epoch
    #[arg(long, value_name = "STEPS", value_parser = count::<u64>, allow_negative_numbers = true)]
    pub evaluate_every: Option<u64>,

    /// Save the parameters of the evaluation that is best by this metric on the held-out split, rather than the last ones
    #[arg(long, value_name = "METRIC", value_parser = choices(Metric::ALL, Metric::name, Metric::summary))]
    keep_best: Option<Metric>,

    /// Stop after so many evaluations without improvement of the metric of --keep-best [default metric: loss]
    #[arg(long, value_name = "N", value_parser = count::<u64>, allow_negative_numbers = true)]
    patience: Option<u64>,

    /// Improvement that --patience does not count unless it is larger
    #[arg(long, value_name = "GAIN", default_value_t = 0.0, allow_negative_numbers = true)]
    min_delta: f64,
}

impl SelectionFlags {
    /// Checks the flags before anything is read.
    ///
    /// # Errors
    /// [`Error::Usage`] for numbers out of range.
    pub fn check(&self) -> Result<()> {
        if self.evaluate_every == Some(0) {
            return Err(Error::usage(Setting::EvaluateEvery, "found 0, expected at least 1"));
        }
        if self.min_delta != 0.0 && self.patience.is_none() {
            return Err(Error::usage(Setting::MinDelta, format!("needs {}, too", Setting::Patience)));
        }
        self.selection().map_or(Ok(()), |selection| selection.check_numbers())
    }

    /// How the best parameters are chosen, if they are kept.
    pub fn selection(&self) -> Option<Selection> {
        let metric = self.keep_best.or(self.patience.map(|_| Metric::Loss))?;
        Some(Selection { metric, patience: self.patience, min_delta: self.min_delta })
    }

    /// As [`SelectionFlags::selection`], by this `metric`.
    ///
    /// # Errors
    /// [`Error::Usage`] if the flags name another.
    pub fn selection_by(&self, metric: Metric) -> Result<Option<Selection>> {
        if let Some(other) = self.keep_best.filter(|&other| other != metric) {
            let problem =
                format!("found {}, expected {}, the metric of the sweep", other.name(), metric.name());
            return Err(Error::usage(Setting::KeepBest, problem));
        }
        Ok(self.selection().map(|selection| Selection { metric, ..selection }))
    }

    /// How a run is evaluated that keeps the `best` parameters.
    pub fn fit(&self, best: Option<Best>) -> Fit {
        Fit { evaluate_every: self.evaluate_every, best, ..Fit::default() }
    }
}
