//! Weights of classes, which weigh the losses of their samples.

use std::str::FromStr;

use super::split::{WEIGHTS, is_weight};
use crate::words::counted;
use crate::{Error, Result, Setting};

/// Weights of classes.
#[derive(Debug, Clone, PartialEq)]
pub enum ClassWeights {
    /// All classes weigh alike: a sample of a class that has `n` of the `samples` weighs `samples / (classes · n)`.
    Balanced,
    /// A weight for each class, in the order of their labels.
    Of(Vec<f32>),
}

const BALANCED: &str = "balanced";

impl ClassWeights {
    /// The weight of each of `classes` classes among samples with these `labels`.
    ///
    /// # Errors
    /// [`Error::Usage`] if there is not one weight for each class, if one is neither 0 nor from 1e-20 to 1e20, or if no
    /// class of the samples has one above 0.
    pub(super) fn of(&self, labels: &[u32], classes: usize) -> Result<Vec<f32>> {
        let refuse = |problem| Err(Error::usage(Setting::ClassWeights, problem));
        let mut counts = vec![0_u64; classes];
        for &label in labels {
            match counts.get_mut(label as usize) {
                Some(count) => *count += 1,
                None => return refuse(format!("found a sample of class {label}, expected below {classes}")),
            }
        }
        let weights = match self {
            ClassWeights::Balanced => {
                let present = counts.iter().filter(|&&count| count > 0).count();
                let weight = |&count: &u64| labels.len() as f64 / (present as f64 * count.max(1) as f64);
                counts.iter().map(|count| weight(count) as f32).collect()
            }
            ClassWeights::Of(weights) => weights.clone(),
        };
        if weights.len() != classes {
            return refuse(format!(
                "found {}, expected {classes}: one a class",
                counted(weights.len(), "number")
            ));
        }
        if let Some(wrong) = weights.iter().find(|&&weight| !is_weight(weight)) {
            return refuse(format!("found {wrong}, expected {WEIGHTS}"));
        }
        if counts.iter().zip(&weights).all(|(&count, &weight)| count == 0 || weight == 0.0) {
            return refuse("found weights that are 0 for all samples, expected some above 0".to_owned());
        }
        Ok(weights)
    }
}

impl FromStr for ClassWeights {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == BALANCED {
            return Ok(ClassWeights::Balanced);
        }
        let numbers = text.split(',').map(|number| number.trim().parse::<f32>());
        let numbers = numbers.collect::<Result<_, _>>().map_err(|_| {
            format!("found '{text}', expected {BALANCED}, or a number for each class, such as 1,2.5,1")
        })?;
        Ok(ClassWeights::Of(numbers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn balanced_classes_weigh_alike() {
        let weights = ClassWeights::Balanced.of(&[0, 0, 0, 2], 3).unwrap();
        assert_eq!(weights[..1], [4.0 / 6.0]);
        assert_eq!(3.0 * weights[0], weights[2]);
    }

    #[test]
    fn slips_are_named() {
        let of = |text: &str| text.parse::<ClassWeights>().unwrap().of(&[0, 1, 1], 2);
        assert_eq!(of("1, 2.5").unwrap(), [1.0, 2.5]);
        for (text, problem) in [
            ("1", "found 1 number, expected 2"),
            ("1,-1", "found -1"),
            ("1,NaN", "found NaN"),
            ("0,0", "0 for all samples"),
        ] {
            let message = of(text).unwrap_err().to_string();
            assert!(
                message.starts_with("`class_weights`: ") && message.contains(problem),
                "{text}: {message}"
            );
        }
        for text in ["", "even", "1,,2", "1 2"] {
            assert!(text.parse::<ClassWeights>().unwrap_err().contains("expected balanced"), "{text}");
        }
    }
}
