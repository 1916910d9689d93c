use std::str::FromStr;

use super::{ClassScores, Evaluation, Scores, ValueScores};
use crate::model::by_name;

/// A score of an evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// Mean loss.
    Loss,
    /// Share of samples that are classified correctly.
    Accuracy,
    /// Mean F1 score over the classes.
    F1,
    /// [`ClassScores::roc_auc`]
    RocAuc,
    /// [`ClassScores::average_precision`]
    AveragePrecision,
    /// [`ClassScores::log_loss`]
    LogLoss,
    /// [`ClassScores::calibration_error`]
    CalibrationError,
    /// [`ValueScores::rmse`]
    Rmse,
    /// [`ValueScores::mae`]
    Mae,
    /// [`ValueScores::r2`]
    R2,
    /// [`ValueScores::explained_variance`]
    ExplainedVariance,
}

/// What a metric is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Of {
    Any,
    Classes,
    Values,
}

impl Metric {
    /// Every metric.
    pub const ALL: [Metric; 11] = [
        Metric::Loss,
        Metric::Accuracy,
        Metric::F1,
        Metric::RocAuc,
        Metric::AveragePrecision,
        Metric::LogLoss,
        Metric::CalibrationError,
        Metric::Rmse,
        Metric::Mae,
        Metric::R2,
        Metric::ExplainedVariance,
    ];

    /// Name, summary, what it is of, and whether larger values are better.
    fn properties(self) -> (&'static str, &'static str, Of, bool) {
        match self {
            Metric::Loss => ("loss", "mean loss", Of::Any, false),
            Metric::Accuracy => ("accuracy", "share of correct predictions", Of::Classes, true),
            Metric::F1 => ("f1", "mean F1 score over the classes", Of::Classes, true),
            Metric::RocAuc => ("roc-auc", "area under the ROC curve", Of::Classes, true),
            Metric::AveragePrecision => ("average-precision", "average precision", Of::Classes, true),
            Metric::LogLoss => ("log-loss", "mean −ln of the class's probability", Of::Classes, false),
            Metric::CalibrationError => {
                ("calibration-error", "expected calibration error", Of::Classes, false)
            }
            Metric::Rmse => ("rmse", "root of the mean squared error", Of::Values, false),
            Metric::Mae => ("mae", "mean absolute error", Of::Values, false),
            Metric::R2 => ("r2", "coefficient of determination", Of::Values, true),
            Metric::ExplainedVariance => {
                ("explained-variance", "share of the variance that is explained", Of::Values, true)
            }
        }
    }

    /// Name in settings and files.
    pub fn name(self) -> &'static str {
        self.properties().0
    }

    /// What it is, for help and documentation.
    pub fn summary(self) -> &'static str {
        self.properties().1
    }

    /// `true` if larger values are better.
    pub fn is_better_larger(self) -> bool {
        self.properties().3
    }

    /// `true` if it is one of targets that are classes, or else of those that are numbers.
    pub fn is_of(self, are_classes: bool) -> bool {
        match self.properties().2 {
            Of::Any => true,
            of => of == if are_classes { Of::Classes } else { Of::Values },
        }
    }

    /// `true` if it is computed from the outputs of all samples, which are then read back.
    pub fn needs_outputs(self) -> bool {
        !matches!(self, Metric::Loss | Metric::Accuracy)
    }

    /// `true` if it is undefined unless outputs are probabilities of classes.
    pub fn needs_probabilities(self) -> bool {
        matches!(self, Metric::LogLoss | Metric::CalibrationError)
    }

    /// Its value in an evaluation, with `scores` if it needs outputs. `None` if it is undefined.
    pub fn of(self, evaluation: &Evaluation, scores: Option<&Scores>) -> Option<f64> {
        let of_classes = |value: fn(&ClassScores) -> Option<f64>| match scores {
            Some(Scores::Classes(scores)) => value(scores),
            _ => None,
        };
        let of_values = |value: fn(&ValueScores) -> Option<f64>| match scores {
            Some(Scores::Values(scores)) => value(scores),
            _ => None,
        };
        match self {
            Metric::Loss => Some(evaluation.loss.into()),
            Metric::Accuracy => evaluation.accuracy,
            Metric::F1 => of_classes(|scores| Some(scores.macro_average.f1)),
            Metric::RocAuc => of_classes(|scores| scores.roc_auc),
            Metric::AveragePrecision => of_classes(|scores| scores.average_precision),
            Metric::LogLoss => of_classes(|scores| scores.log_loss),
            Metric::CalibrationError => of_classes(|scores| scores.calibration_error),
            Metric::Rmse => of_values(|scores| Some(scores.rmse)),
            Metric::Mae => of_values(|scores| Some(scores.mae)),
            Metric::R2 => of_values(|scores| scores.r2),
            Metric::ExplainedVariance => of_values(|scores| scores.explained_variance),
        }
    }
}

impl FromStr for Metric {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        by_name(&Self::ALL, Self::name, name)
    }
}
