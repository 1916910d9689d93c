//! Scores of outputs against targets, computed in f64.

mod classes;
mod predictions;
mod ranking;
mod split;
mod values;

pub use classes::{ClassAverages, ClassScores, Confused, OneClass, TopK};
pub use predictions::{OutputPredictions, Predictions};
pub use split::SplitScores;
pub use values::{OneOutput, ValueScores};

use serde::Serialize;

use crate::data::Targets;
use crate::model::{Loss, Network, first_largest};

/// Scores of outputs against targets.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Scores {
    /// Classification.
    Classes(ClassScores),
    /// Regression.
    Values(ValueScores),
}

/// `true` if outputs trained with `loss` are logits of probabilities.
pub fn has_probabilities(loss: Loss) -> bool {
    matches!(loss, Loss::CrossEntropy | Loss::BinaryCrossEntropy)
}

/// `true` if outputs trained with `loss`, so many a sample, are logits of probabilities of classes. Those of several binary
/// outputs do not add up to 1.
pub(super) fn has_class_probabilities(loss: Loss, outputs: usize) -> bool {
    loss == Loss::CrossEntropy || (loss == Loss::BinaryCrossEntropy && outputs == 1)
}

/// Probabilities that a sample's outputs `row` are the logits of: one a class under cross-entropy, by softmax; under binary
/// cross-entropy one an output, by the sigmoid function, or, with one output, those of classes 0 and 1. Computed in f64.
pub fn probabilities(loss: Loss, row: &[f32]) -> Vec<f32> {
    wide_probabilities(loss, row).into_iter().map(|probability| probability as f32).collect()
}

fn wide_probabilities(loss: Loss, row: &[f32]) -> Vec<f64> {
    let logits = row.iter().map(|&logit| f64::from(logit));
    match (loss, row) {
        (Loss::BinaryCrossEntropy, &[logit]) => {
            let logit = f64::from(logit);
            vec![sigmoid(-logit), sigmoid(logit)]
        }
        (Loss::BinaryCrossEntropy, _) => logits.map(sigmoid).collect(),
        _ => {
            let most = logits.clone().fold(f64::NEG_INFINITY, f64::max);
            let powers: Vec<f64> = logits.map(|logit| (logit - most).exp()).collect();
            let sum: f64 = powers.iter().sum();
            powers.into_iter().map(|power| power / sum).collect()
        }
    }
}

/// Prediction of a target that is a number. Outputs are logits of targets that are probabilities.
fn answer(loss: Loss, output: f32) -> f64 {
    match loss {
        Loss::BinaryCrossEntropy => sigmoid(output.into()),
        _ => output.into(),
    }
}

fn sigmoid(logit: f64) -> f64 {
    1.0 / (1.0 + (-logit).exp())
}

impl Scores {
    /// Scores `outputs`, `[samples, outputs]`, of `network` against `targets`. Under cross-entropy, the likeliest class of a row of
    /// probabilities counts as its class.
    pub fn of(network: &Network, outputs: &[f32], targets: &Targets) -> Self {
        let (width, loss) = (network.outputs(), network.loss());
        match targets {
            Targets::Classes(labels) => {
                let labels: Vec<_> = labels.iter().map(|&label| label as usize).collect();
                Scores::Classes(ClassScores::of(loss, width, outputs, &labels))
            }
            Targets::Regression { values, .. } if loss == Loss::CrossEntropy => {
                let labels: Vec<_> = values.chunks_exact(width).map(first_largest).collect();
                Scores::Classes(ClassScores::of(loss, width, outputs, &labels))
            }
            Targets::Regression { values, .. } => {
                let answers: Vec<f64> = outputs.iter().map(|&output| answer(loss, output)).collect();
                Scores::Values(ValueScores::of(width, &answers, values))
            }
        }
    }

    /// Share of samples that are classified correctly; `None` for regression.
    pub fn accuracy(&self) -> Option<f64> {
        match self {
            Scores::Classes(scores) => Some(scores.accuracy),
            Scores::Values(_) => None,
        }
    }

    /// Coefficient of determination; `None` for classification, and for targets that do not vary.
    pub fn r2(&self) -> Option<f64> {
        match self {
            Scores::Classes(_) => None,
            Scores::Values(scores) => scores.r2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Activation;

    #[test]
    fn probabilities_add_up_and_do_not_overflow() {
        assert_eq!(probabilities(Loss::CrossEntropy, &[1000.0, 1000.0]), [0.5, 0.5]);
        let three = probabilities(Loss::CrossEntropy, &[0.0, 1.0_f32.ln(), 2.0_f32.ln()]);
        assert!(three.iter().zip([0.25, 0.25, 0.5]).all(|(&p, q)| (p - q).abs() < 1e-7), "{three:?}");
        assert_eq!(probabilities(Loss::BinaryCrossEntropy, &[-1000.0]), [1.0, 0.0]);
        assert_eq!(probabilities(Loss::BinaryCrossEntropy, &[0.0, 1000.0]), [0.5, 1.0]);
    }

    #[test]
    fn scores_by_hand() {
        let network = Network::new(&[1, 2], Activation::Relu, Loss::CrossEntropy).unwrap();
        let outputs = [1.0, 0.0, 1.0, 1.0, 0.0, 2.0];
        let scores = Scores::of(&network, &outputs, &Targets::Classes(vec![0, 1, 1]));
        assert_eq!((scores.accuracy(), scores.r2()), (Some(2.0 / 3.0), None));
        let Scores::Classes(scores) = scores else { panic!("labels are classes") };
        assert_eq!(scores.confusion, [[1, 0], [1, 1]]);
        let network = Network::new(&[1, 1], Activation::Relu, Loss::Mse).unwrap();
        let targets = Targets::Regression { width: 1, values: vec![1.0, 3.0] };
        let scores = Scores::of(&network, &[1.5, 2.5], &targets);
        assert_eq!((scores.accuracy(), scores.r2()), (None, Some(0.75)));
        let constant = Targets::Regression { width: 1, values: vec![2.7; 64] };
        assert_eq!(Scores::of(&network, &[2.5; 64], &constant).r2(), None);
        let one = Targets::Regression { width: 1, values: vec![0.3] };
        assert_eq!(Scores::of(&network, &[2.5], &one).r2(), None);
        assert_eq!(
            (Loss::BinaryCrossEntropy.predicted_class(&[0.1]), Loss::Mse.predicted_class(&[0.1])),
            (1, 0)
        );
    }
}
