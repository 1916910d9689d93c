use serde_json::{Value, json};

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
        json!({ "predicted": in_few_digits(predicted), "targets": in_few_digits(targets) })
    };
    json!({ "samples": samples, "outputs": outputs.iter().map(of_output).collect::<Vec<_>>() })
}

/// Doubles with the decimal digits that tell `values` apart, which are fewer than those of their exact values.
fn in_few_digits(values: &[f32]) -> Vec<Option<f64>> {
    values.iter().map(|value| value.to_string().parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_few_digits_and_lose_none() {
        let values = [0.1f32, -1.5e-30, 3.0, 16_777_216.0, f32::MAX];
        let found = in_few_digits(&values);
        assert_eq!(json!(found[0]).to_string(), "0.1");
        let back: Vec<_> = found.into_iter().map(|value| value.unwrap() as f32).collect();
        assert_eq!(back, values);
    }
}
