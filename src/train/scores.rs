use crate::data::Targets;
use crate::model::{Loss, Network, first_largest};

/// Metrics of outputs against targets, summed in f64.
#[derive(Debug, Clone, PartialEq)]
pub enum Scores {
    /// Classification.
    Classes {
        /// Number of samples, `[true class, predicted class]`.
        confusion: Vec<Vec<u64>>,
    },
    /// Regression, over all samples and outputs.
    Values {
        /// Mean squared error.
        mse: f64,
        /// Mean absolute error.
        mae: f64,
        /// Coefficient of determination: the share of the targets' variance that is explained. `None` if they do not vary.
        r2: Option<f64>,
    },
}

/// `true` if outputs trained with `loss` are logits of probabilities.
pub fn has_probabilities(loss: Loss) -> bool {
    matches!(loss, Loss::CrossEntropy | Loss::BinaryCrossEntropy)
}

/// Probabilities that a sample's outputs `row` are the logits of: one a class under cross-entropy, by softmax; under binary
/// cross-entropy one an output, by the sigmoid function, or, with one output, those of classes 0 and 1. Computed in f64.
pub fn probabilities(loss: Loss, row: &[f32]) -> Vec<f32> {
    let logits = row.iter().map(|&logit| f64::from(logit));
    match (loss, row) {
        (Loss::BinaryCrossEntropy, &[logit]) => {
            let logit = f64::from(logit);
            vec![sigmoid(-logit) as f32, sigmoid(logit) as f32]
        }
        (Loss::BinaryCrossEntropy, _) => logits.map(|logit| sigmoid(logit) as f32).collect(),
        _ => {
            let most = logits.clone().fold(f64::NEG_INFINITY, f64::max);
            let powers: Vec<f64> = logits.map(|logit| (logit - most).exp()).collect();
            let sum: f64 = powers.iter().sum();
            powers.into_iter().map(|power| (power / sum) as f32).collect()
        }
    }
}

fn sigmoid(logit: f64) -> f64 {
    1.0 / (1.0 + (-logit).exp())
}

impl Scores {
    /// Scores `outputs`, `[samples, outputs]`, of `network` against `targets`.
    pub fn of(network: &Network, outputs: &[f32], targets: &Targets) -> Self {
        let (width, loss) = (network.outputs(), network.loss());
        let confused = |labels: &mut dyn Iterator<Item = usize>| {
            let classes = width.max(2);
            let mut confusion = vec![vec![0; classes]; classes];
            for (row, label) in outputs.chunks_exact(width).zip(labels) {
                confusion[label][loss.predicted_class(row)] += 1;
            }
            Scores::Classes { confusion }
        };
        match targets {
            Targets::Classes(labels) => confused(&mut labels.iter().map(|&label| label as usize)),
            // The likeliest class counts.
            Targets::Regression { values, .. } if loss == Loss::CrossEntropy => {
                confused(&mut values.chunks_exact(width).map(first_largest))
            }
            Targets::Regression { values, .. } => {
                let count = values.len() as f64;
                // Outputs are logits of the targets where these are probabilities.
                let answer = |output: f32| match loss {
                    Loss::BinaryCrossEntropy => sigmoid(output.into()),
                    _ => output.into(),
                };
                let errors = || outputs.iter().zip(values).map(|(&a, &y)| answer(a) - f64::from(y));
                let squares: f64 = errors().map(|error| error * error).sum();
                let mut means = vec![0.0; width];
                for row in values.chunks_exact(width) {
                    for (mean, &y) in means.iter_mut().zip(row) {
                        *mean += f64::from(y) * width as f64 / count;
                    }
                }
                let spread = values.iter().enumerate().map(|(index, &y)| f64::from(y) - means[index % width]);
                let variance: f64 = spread.map(|distance| distance * distance).sum();
                let mae = errors().map(f64::abs).sum::<f64>() / count;
                let mut rows = values.chunks_exact(width);
                let vary = rows.next().is_some_and(|first| rows.any(|row| row != first));
                let r2 = vary.then(|| 1.0 - squares / variance);
                Scores::Values { mse: squares / count, mae, r2 }
            }
        }
    }

    /// Share of samples that are classified correctly; `None` for regression.
    pub fn accuracy(&self) -> Option<f64> {
        let Scores::Classes { confusion } = self else { return None };
        let right: u64 = confusion.iter().enumerate().map(|(class, row)| row[class]).sum();
        let all: u64 = confusion.iter().flatten().sum();
        Some(right as f64 / all as f64)
    }

    /// Coefficient of determination; `None` for classification, and for targets that do not vary.
    pub fn r2(&self) -> Option<f64> {
        match self {
            Scores::Classes { .. } => None,
            Scores::Values { r2, .. } => *r2,
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
        assert_eq!(scores, Scores::Classes { confusion: vec![vec![1, 0], vec![1, 1]] });
        assert_eq!((scores.accuracy(), scores.r2()), (Some(2.0 / 3.0), None));
        let network = Network::new(&[1, 1], Activation::Relu, Loss::Mse).unwrap();
        let targets = Targets::Regression { width: 1, values: vec![1.0, 3.0] };
        let scores = Scores::of(&network, &[1.5, 2.5], &targets);
        assert_eq!(scores, Scores::Values { mse: 0.25, mae: 0.5, r2: Some(0.75) });
        assert_eq!((scores.accuracy(), scores.r2()), (None, Some(0.75)));
        let constant = Targets::Regression { width: 1, values: vec![2.7; 64] };
        assert_eq!(Scores::of(&network, &[2.5; 64], &constant).r2(), None);
        assert_eq!(
            Scores::of(&network, &[2.5], &Targets::Regression { width: 1, values: vec![0.3] }).r2(),
            None
        );
        assert_eq!(
            (Loss::BinaryCrossEntropy.predicted_class(&[0.1]), Loss::Mse.predicted_class(&[0.1])),
            (1, 0)
        );
    }
}
