//! Missing values of features, and the numbers that take their place.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::inputs::Inputs;
use super::npz::some_of;
use super::split::Split;
use crate::memory::check_host_room;
use crate::model::by_name;
use crate::words::counted;
use crate::{Error, Result, Setting};

/// What takes the place of a missing value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fill {
    /// Mean of the feature over the training samples that have it.
    Mean,
    /// Median of the feature over the training samples that have it.
    Median,
    /// 0.
    Zero,
}

impl Fill {
    /// Every kind.
    pub const ALL: [Fill; 3] = [Fill::Mean, Fill::Median, Fill::Zero];

    /// Name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Fill::Mean => "mean",
            Fill::Median => "median",
            Fill::Zero => "zero",
        }
    }

    /// Summary in one line, for help.
    pub fn summary(self) -> &'static str {
        match self {
            Fill::Mean => "The feature's mean over the training samples that have it",
            Fill::Median => "The feature's median over the training samples that have it",
            Fill::Zero => "0",
        }
    }

    /// The number for a feature with these values.
    fn of(self, values: &mut [f64]) -> f64 {
        match self {
            Fill::Zero => 0.0,
            // As distances from the first value, which cannot round where all are equal.
            Fill::Mean => {
                let first = values.first().copied().unwrap_or(0.0);
                first + values.iter().map(|value| (value - first) / values.len() as f64).sum::<f64>()
            }
            Fill::Median => {
                values.sort_unstable_by(f64::total_cmp);
                let (below, above) = ((values.len() - 1) / 2, values.len() / 2);
                values[below] + (values[above] - values[below]) / 2.0
            }
        }
    }
}

impl FromStr for Fill {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        by_name(&Self::ALL, Self::name, name)
    }
}

/// Imputation: the number that stands for a missing value of each feature, and features that say where values are missing.
///
/// It is computed from the training split ([`Imputation::of`]) and applied to whatever the network is trained or evaluated on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Imputation {
    fills: Vec<f64>,
    /// Features that have an indicator: a further feature, which is 1 where the value is missing.
    indicators: Vec<usize>,
}

impl Imputation {
    /// Imputation with `fill` of each feature of `split`, and with indicators, if asked for, of the features that it misses
    /// values of.
    ///
    /// # Errors
    /// [`Error::Usage`] for a feature that no sample has; `names` are those of the features in messages.
    pub fn of(split: &Split, fill: Fill, has_indicators: bool, names: &[String]) -> Result<Self> {
        let features = split.features();
        let mut missing = vec![0_usize; features];
        split.for_each(|feature, value| missing[feature] += usize::from(value.is_nan()));
        let mut fills = Vec::with_capacity(features);
        for (feature, &missing) in missing.iter().enumerate() {
            if fill != Fill::Zero && missing == split.len() {
                let problem = format!(
                    "{} has no value in any training sample, and so no {}; leave it out of the data, or use {}",
                    feature_name(names, feature),
                    fill.name(),
                    Setting::Impute.with(Fill::Zero.name())
                );
                return Err(Error::usage(Setting::Impute, problem));
            }
            let mut values = if fill == Fill::Zero { Vec::new() } else { split.feature(feature) };
            values.retain(|value| !value.is_nan());
            fills.push(fill.of(&mut values));
        }
        let is_missing = |&feature: &usize| has_indicators && missing[feature] > 0;
        Ok(Imputation { fills, indicators: (0..features).filter(is_missing).collect() })
    }

    /// Number of each feature for its missing values, `[features]`.
    pub fn fills(&self) -> &[f64] {
        &self.fills
    }

    /// Indices of the features whose indicators follow all features, in this order.
    pub fn indicators(&self) -> &[usize] {
        &self.indicators
    }

    /// Describes why it cannot give samples so many `features`; `None` if it can.
    pub fn problem(&self, features: usize) -> Option<String> {
        let given = self.fills.len() + self.indicators.len();
        if given != features {
            return Some(format!("imputation to {}, expected {features}", counted(given, "feature")));
        }
        let is_sound = self.fills.iter().all(|fill| (*fill as f32).is_finite())
            && self.indicators.iter().all(|&feature| feature < self.fills.len());
        (!is_sound).then(|| "an imputation of NaN, infinite or unknown features".to_owned())
    }

    /// The samples of `split` with missing values filled in, and with indicators.
    ///
    /// # Errors
    /// [`Error::Usage`] if `split` has another number of features, [`Error::DoesNotFit`] if the host has no room for the copy.
    pub fn apply(&self, split: Split) -> Result<Split> {
        let features = split.features();
        if self.fills.len() != features {
            let problem =
                format!("imputation of {}, expected {features}", counted(self.fills.len(), "feature"));
            return Err(Error::usage(Setting::Data, problem));
        }
        let misses_some = match split.inputs() {
            Inputs::F32(values) => values.iter().any(|value| value.is_nan()),
            Inputs::U8(_) | Inputs::Mapped(_) => false,
        };
        if self.indicators.is_empty() && !misses_some {
            return Ok(split);
        }
        let width = self.fills.len() + self.indicators.len();
        let count = split.len() * width;
        let remedy = format!("save them without missing values, and use {}", Setting::MapData.with(true));
        check_host_room("samples with imputed features", 4 * count as u64, &remedy)?;
        let offsets: Vec<f64> = (0..self.fills.len()).map(|feature| split.offset(feature)).collect();
        let mut values = Vec::with_capacity(count);
        let mut row = Vec::with_capacity(self.fills.len());
        split.for_each(|feature, value| {
            row.push(value.is_nan());
            let value = if value.is_nan() { self.fills[feature] } else { value };
            values.push((value - offsets[feature]) as f32);
            if row.len() == self.fills.len() {
                values.extend(self.indicators.iter().map(|&feature| f32::from(u8::from(row[feature]))));
                row.clear();
            }
        });
        split.with_features(width, values)
    }
}

/// Name of a feature, for messages.
pub(super) fn feature_name(names: &[String], feature: usize) -> String {
    names.get(feature).map_or_else(|| format!("feature {feature}"), |name| super::npz::shown(name))
}

/// Message for missing values among `values`, with so many `features` a sample; `None` if there are none.
pub(super) fn missing(values: &[f32], features: usize, names: &[String]) -> Option<String> {
    let mut counts = vec![0_usize; features];
    let mut first = None;
    for (index, _) in values.iter().enumerate().filter(|(_, value)| value.is_nan()) {
        counts[index % features] += 1;
        first.get_or_insert(index);
    }
    let first = first?;
    let all: usize = counts.iter().sum();
    let with = counts.iter().enumerate().filter(|&(_, &count)| count > 0);
    let named: Vec<_> =
        with.map(|(feature, count)| format!("{count} of {}", feature_name(names, feature))).collect();
    Some(format!(
        "holds {} (NaN), the first in sample {}, {}: {}",
        counted(all, "missing value"),
        first / features,
        feature_name(names, first % features),
        some_of(&named)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAN: f32 = f32::NAN;

    fn split(values: Vec<f32>) -> Split {
        let samples = values.len() / 2;
        Split::new(2, Inputs::F32(values), vec![0; samples]).unwrap()
    }

    #[test]
    fn missing_values_are_filled_and_indicated() {
        let train = split(vec![1.0, NAN, 2.0, 5.0, 6.0, 9.0]);
        let fills = |fill| Imputation::of(&train, fill, false, &[]).unwrap().fills;
        assert_eq!(fills(Fill::Mean), [3.0, 7.0]);
        assert_eq!(fills(Fill::Median), [2.0, 7.0]);
        assert_eq!(fills(Fill::Zero), [0.0, 0.0]);
        let imputation = Imputation::of(&train, Fill::Mean, true, &[]).unwrap();
        let filled = imputation.apply(train).unwrap();
        assert_eq!(*filled.inputs(), Inputs::F32(vec![1.0, 7.0, 1.0, 2.0, 5.0, 0.0, 6.0, 9.0, 0.0]));
        // A value that no training sample misses has no indicator, but is filled, too.
        let other = imputation.apply(split(vec![NAN, 1.0])).unwrap();
        assert_eq!(*other.inputs(), Inputs::F32(vec![3.0, 1.0, 0.0]));
        assert_eq!(imputation.problem(3), None);
        assert!(imputation.problem(2).unwrap().contains("to 3 features, expected 2"));
    }

    #[test]
    fn features_without_any_value_are_refused_by_name() {
        let train = split(vec![1.0, NAN, 2.0, NAN]);
        let names = ["a".to_owned(), "b".to_owned()];
        let problem = Imputation::of(&train, Fill::Median, false, &names).unwrap_err().to_string();
        assert!(problem.starts_with("`impute`: b has no value"), "{problem}");
        assert!(Imputation::of(&train, Fill::Zero, false, &names).is_ok());
        let told = missing(&[1.0, NAN, 2.0, NAN], 2, &names).unwrap();
        assert_eq!(told, "holds 2 missing values (NaN), the first in sample 0, b: 2 of b");
        assert_eq!(missing(&[1.0, 2.0], 2, &names), None);
    }
}
