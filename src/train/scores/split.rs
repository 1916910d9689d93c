use super::{Predictions, Scores};
use crate::data::{EvaluatedOn, Preprocessing, Targets};
use crate::model::Network;

/// Scores of a trained network on a split, in the units of its targets, with what reports show beside them.
#[derive(Debug, Clone, PartialEq)]
pub struct SplitScores {
    /// The split of a training run; `None` for samples outside of one.
    pub on: Option<EvaluatedOn>,
    /// Number of samples.
    pub samples: usize,
    /// Names of what is scored one by one: the classes, by their label, or the outputs.
    pub names: Vec<String>,
    /// The scores.
    pub scores: Scores,
    /// Some predictions beside their targets; `None` for classes.
    pub predictions: Option<Predictions>,
}

impl SplitScores {
    /// Scores `outputs`, `[samples, outputs]`, of `network` against `targets`, both in the units of the data. `preprocessing` names
    /// classes and outputs.
    pub fn of(
        network: &Network,
        preprocessing: &Preprocessing,
        outputs: &[f32],
        targets: &Targets,
        on: Option<EvaluatedOn>,
    ) -> Self {
        let scores = Scores::of(network, outputs, targets);
        let names = match &scores {
            Scores::Classes(scores) => {
                (0..scores.by_class.len()).map(|class| preprocessing.class_name(class)).collect()
            }
            Scores::Values(scores) => {
                let name = |output: usize| preprocessing.targets.get(output).cloned();
                let outputs = 0..scores.by_output.len();
                outputs.map(|output| name(output).unwrap_or_else(|| format!("output{output}"))).collect()
            }
        };
        SplitScores {
            on,
            samples: outputs.len() / network.outputs(),
            names,
            scores,
            predictions: Predictions::of(network, outputs, targets),
        }
    }
}
