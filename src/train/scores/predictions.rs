use super::answer;
use crate::data::Targets;
use crate::model::{Loss, Network};

/// Most samples whose predictions are kept.
const MOST_SAMPLES: usize = 2000;
/// Most outputs whose predictions are kept.
const MOST_OUTPUTS: usize = 20;

/// Predictions beside targets that are numbers: of all samples, or of some at even distances if there are more than 2,000,
/// and of the first 20 outputs.
#[derive(Debug, Clone, PartialEq)]
pub struct Predictions {
    /// Indices of the samples in their split, ascending.
    pub samples: Vec<usize>,
    /// Predictions of each output.
    pub outputs: Vec<OutputPredictions>,
}

/// Predictions of one output, for the samples of [`Predictions`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OutputPredictions {
    /// What the network predicts, `[samples]`.
    pub predicted: Vec<f32>,
    /// The targets, `[samples]`.
    pub targets: Vec<f32>,
}

impl Predictions {
    /// Some of the predictions that `outputs`, `[samples, outputs]`, of `network` are; `None` if `targets` are classes.
    pub(super) fn of(network: &Network, outputs: &[f32], targets: &Targets) -> Option<Self> {
        let Targets::Regression { width, values } = targets else { return None };
        let (loss, width) = (network.loss(), *width);
        if loss == Loss::CrossEntropy {
            return None;
        }
        let samples = spread(values.len() / width);
        let of_output = |output: usize| {
            let places = samples.iter().map(|sample| sample * width + output);
            OutputPredictions {
                predicted: places.clone().map(|at| answer(loss, outputs[at]) as f32).collect(),
                targets: places.map(|at| values[at]).collect(),
            }
        };
        let outputs = (0..width.min(MOST_OUTPUTS)).map(of_output).collect();
        Some(Predictions { samples, outputs })
    }
}

/// Indices of `samples` samples, or of as many as are kept, at even distances.
fn spread(samples: usize) -> Vec<usize> {
    let kept = samples.min(MOST_SAMPLES);
    (0..kept).map(|index| (index as u128 * samples as u128 / kept as u128) as usize).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Activation;

    #[test]
    fn many_samples_are_kept_at_even_distances() {
        assert_eq!(spread(3), [0, 1, 2]);
        let some = spread(3 * MOST_SAMPLES + 1);
        assert_eq!(some.len(), MOST_SAMPLES);
        assert!(some.windows(2).all(|pair| (3..=4).contains(&(pair[1] - pair[0]))), "{some:?}");
    }

    #[test]
    fn predictions_of_probabilities_are_probabilities() {
        let network = Network::new(&[1, 2], Activation::Relu, Loss::BinaryCrossEntropy).unwrap();
        let targets = Targets::Regression { width: 2, values: vec![0.0, 1.0, 0.25, 0.5] };
        let found = Predictions::of(&network, &[0.0, 200.0, -200.0, 0.0], &targets).unwrap();
        assert_eq!(found.samples, [0, 1]);
        assert_eq!(
            found.outputs[0],
            OutputPredictions { predicted: vec![0.5, 0.0], targets: vec![0.0, 0.25] }
        );
        assert_eq!(
            found.outputs[1],
            OutputPredictions { predicted: vec![1.0, 0.5], targets: vec![1.0, 0.5] }
        );
        assert_eq!(Predictions::of(&network, &[0.0, 0.0], &Targets::Classes(vec![1])), None);
    }
}
