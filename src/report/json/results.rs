use serde_json::{Value, json};

use super::short;
use crate::report::MOST_CONFUSED;
use crate::train::{ClassScores, OutputPredictions, Predictions, Scores, SplitScores};

/// Most classes whose whole confusion matrix a report holds.
const MOST_HELD: usize = 1000;

/// Scores on each split, with the most confused classes, or some predictions beside their targets.
pub(super) fn results(results: &[SplitScores]) -> Value {
    results.iter().map(result).collect()
}

fn result(result: &SplitScores) -> Value {
    let SplitScores { on, samples, names, scores, predictions } = result;
    let (scores, confused) = match scores {
        Scores::Values(scores) => (json!(scores), None),
        Scores::Classes(scores) => (json!(bounded(scores)), Some(scores.most_confused(MOST_CONFUSED))),
    };
    json!({
        "evaluated_on": on.map(|on| on.name()),
        "samples": samples,
        "names": names,
        "scores": scores,
        "most_confused": confused,
        "predictions": predictions.as_ref().map(predictions_of_outputs),
    })
}

/// `scores` without a confusion matrix of too many classes.
fn bounded(scores: &ClassScores) -> ClassScores {
    let is_small = scores.by_class.len() <= MOST_HELD;
    let (top, by_class) = (scores.top.clone(), scores.by_class.clone());
    let confusion = if is_small { scores.confusion.clone() } else { Vec::new() };
    ClassScores { top, by_class, confusion, ..*scores }
}

fn predictions_of_outputs(predictions: &Predictions) -> Value {
    let Predictions { samples, outputs } = predictions;
    let of_output = |output: &OutputPredictions| {
        let OutputPredictions { predicted, targets } = output;
        let [predicted, targets] =
            [predicted, targets].map(|values| values.iter().copied().map(short).collect::<Vec<_>>());
        json!({ "predicted": predicted, "targets": targets })
    };
    json!({ "samples": samples, "outputs": outputs.iter().map(of_output).collect::<Vec<_>>() })
}
