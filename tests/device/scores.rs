//! Scores against scikit-learn's; see tests/scores/generate.py.

use ckpt_gpu::data::Targets;
use ckpt_gpu::model::{Activation, Loss, Network};
use ckpt_gpu::train::Scores;
use serde_json::Value;

const TOLERANCE: f64 = 1e-6;

/// Compares all that is in both, number by number.
fn compare(found: &Value, expected: &Value, at: &str) {
    match (found, expected) {
        (Value::Object(found), Value::Object(expected)) => {
            assert!(found.keys().eq(expected.keys()), "{at}: {found:?}, expected {expected:?}");
            for (key, value) in expected {
                compare(&found[key], value, &format!("{at}.{key}"));
            }
        }
        (Value::Array(found), Value::Array(expected)) => {
            assert_eq!(found.len(), expected.len(), "{at}");
            for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
                compare(found, expected, &format!("{at}[{index}]"));
            }
        }
        (Value::Number(found), Value::Number(expected)) => {
            let (found, expected) = (found.as_f64().unwrap(), expected.as_f64().unwrap());
            let error = (found - expected).abs();
            assert!(error <= TOLERANCE * expected.abs().max(1e-3), "{at}: {found}, expected {expected}");
        }
        (found, expected) => assert_eq!(found, expected, "{at}"),
    }
}

#[test]
fn scores_are_scikit_learns() {
    let golden: Value = serde_json::from_str(include_str!("../scores/golden.json")).unwrap();
    let cases = golden["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 10);
    for case in cases {
        let floats = |key: &str| {
            let values = case[key].as_array().unwrap().iter().map(|value| value.as_f64().unwrap() as f32);
            values.collect::<Vec<_>>()
        };
        let width = case["width"].as_u64().unwrap() as usize;
        let loss: Loss = case["loss"].as_str().unwrap().parse().unwrap();
        let network = Network::new(&[1, width], Activation::Relu, loss).unwrap();
        let targets = match case["labels"].as_array() {
            Some(labels) => {
                Targets::Classes(labels.iter().map(|label| label.as_u64().unwrap() as u32).collect())
            }
            None => Targets::Regression { width, values: floats("targets") },
        };
        let scores = serde_json::to_value(Scores::of(&network, &floats("outputs"), &targets)).unwrap();
        compare(&scores, &case["scores"], case["name"].as_str().unwrap());
    }
}
