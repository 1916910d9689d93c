use super::{Predictions, Scores, classes};
use crate::data::{EvaluatedOn, Preprocessing, Targets};
use crate::memory::check_host_room;
use crate::model::{Loss, Network};
use crate::words::counted;
use crate::{Result, Setting};

/// Scores of a trained network on a split, in the units of its targets, with what reports show beside them.
#[derive(Debug, Clone, PartialEq)]
pub struct SplitScores {
    /// The split that the samples are; `None` for all samples of a file, whatever the network was trained on.
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
    ///
    /// # Errors
    /// [`crate::Error::DoesNotFit`] if the host has no room for the confusion matrix.
    pub fn of(
        network: &Network,
        preprocessing: &Preprocessing,
        outputs: &[f32],
        targets: &Targets,
        on: Option<EvaluatedOn>,
    ) -> Result<Self> {
        if matches!(targets, Targets::Classes(_)) || network.loss() == Loss::CrossEntropy {
            let classes = classes::classes(network.outputs());
            let cells = (classes as u64).saturating_mul(classes as u64);
            let remedy = format!("use fewer outputs in {}", Setting::Layers);
            check_host_room(
                &format!("the counts of a confusion matrix of {}", counted(classes, "class")),
                cells.saturating_mul(8),
                &remedy,
            )?;
        }
        let scores = Scores::of(network, outputs, targets);
        let names = match &scores {
            Scores::Classes(scores) => {
                (0..scores.by_class.len()).map(|class| preprocessing.class_name(class)).collect()
            }
            Scores::Values(scores) => preprocessing.output_names(scores.by_output.len()),
        };
        Ok(SplitScores {
            on,
            samples: outputs.len() / network.outputs(),
            names,
            scores,
            predictions: Predictions::of(network, outputs, targets),
        })
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use crate::model::Activation;

    #[test]
    fn confusion_matrix_beyond_host_memory_is_rejected() {
        let classes = 4_000_000;
        let network = Network::new(&[1, classes], Activation::Relu, Loss::CrossEntropy).unwrap();
        let scores = SplitScores::of(
            &network,
            &Preprocessing::default(),
            &vec![0.0; classes],
            &Targets::Classes(vec![1]),
            None,
        );
        let error = scores.unwrap_err().to_string();
        assert!(
            error
                .contains("the counts of a confusion matrix of 4,000,000 classes take 128000000000000 bytes"),
            "{error}"
        );
    }
}
