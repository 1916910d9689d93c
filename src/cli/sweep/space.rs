//! What varies in a sweep: a grid, random draws, or Sobol points.

use std::str::FromStr;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::sobol;
use crate::model::by_name;

/// How values of ranges are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Search {
    Random,
    Sobol,
}

impl Search {
    const ALL: [Search; 2] = [Search::Random, Search::Sobol];

    fn name(self) -> &'static str {
        match self {
            Search::Random => "random",
            Search::Sobol => "sobol",
        }
    }
}

impl FromStr for Search {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        by_name(&Self::ALL, Self::name, name)
    }
}

/// A flag that varies.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Axis {
    /// Long name of the flag.
    pub name: String,
    pub values: Values,
}

/// Values of a flag.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Values {
    List(Vec<String>),
    Range(Range),
}

/// Numbers from `min` to `max`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Range {
    pub min: f64,
    pub max: f64,
    /// Spreads the numbers evenly by their logarithm.
    pub is_log: bool,
    /// Takes whole numbers only, both ends included.
    pub is_whole: bool,
}

/// Every combination of `axes`, which are lists, with the last varying fastest.
pub(super) fn grid(axes: &[Axis]) -> Vec<Vec<String>> {
    let mut combinations = vec![Vec::new()];
    for axis in axes {
        let Values::List(values) = &axis.values else { continue };
        combinations = (combinations.iter())
            .flat_map(|combination: &Vec<String>| {
                values.iter().map(|value| [&combination[..], std::slice::from_ref(value)].concat())
            })
            .collect();
    }
    combinations
}

/// So many `trials` of a value for each of `axes`, each different from those before it.
pub(super) fn drawn(axes: &[Axis], search: Search, trials: u32, seed: u64) -> Vec<Vec<String>> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut combinations = Vec::new();
    for trial in 0..trials {
        let point: Vec<f64> = match search {
            Search::Random => axes.iter().map(|_| rng.random()).collect(),
            Search::Sobol => sobol::point(trial, axes.len()),
        };
        let values: Vec<_> = axes.iter().zip(point).map(|(axis, share)| axis.values.at(share)).collect();
        if !combinations.contains(&values) {
            combinations.push(values);
        }
    }
    combinations
}

impl Values {
    /// The value at `share` of the way, at least 0 and below 1.
    fn at(&self, share: f64) -> String {
        match self {
            Values::List(values) => {
                let index = (share * values.len() as f64) as usize;
                values.get(index).cloned().unwrap_or_default()
            }
            Values::Range(range) => range.at(share),
        }
    }
}

impl Range {
    fn at(&self, share: f64) -> String {
        let Range { min, max, is_log, is_whole } = *self;
        // Whole numbers have equal parts, of their logarithms if these are spread evenly.
        let [low, high] = match (is_whole, is_log) {
            (true, true) => [min - 0.5, max + 0.5],
            (true, false) => [min, max + 1.0],
            (false, _) => [min, max],
        };
        let value = if is_log { low * (high / low).powf(share) } else { low + (high - low) * share };
        match (is_whole, is_log) {
            (true, true) => value.round().clamp(min, max).to_string(),
            (true, false) => value.floor().clamp(min, max).to_string(),
            // More digits say nothing.
            (false, _) => {
                let rounded = format!("{value:.3e}").parse().unwrap_or(value);
                f64::clamp(rounded, min, max).to_string()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(name: &str, values: &[&str]) -> Axis {
        let values = Values::List(values.iter().map(|&value| value.to_owned()).collect());
        Axis { name: name.to_owned(), values }
    }

    fn range(min: f64, max: f64, is_log: bool, is_whole: bool) -> Axis {
        Axis { name: "x".to_owned(), values: Values::Range(Range { min, max, is_log, is_whole }) }
    }

    #[test]
    fn a_grid_has_every_combination() {
        let axes = [list("lr", &["0.1", "0.2"]), list("hidden", &["4", "8", "16"])];
        let expected = [["0.1", "4"], ["0.1", "8"], ["0.1", "16"], ["0.2", "4"], ["0.2", "8"], ["0.2", "16"]];
        assert_eq!(grid(&axes), expected);
        assert_eq!(grid(&[]), [Vec::<String>::new()]);
    }

    #[test]
    fn sobol_points_are_spread_over_ranges_and_lists() {
        let axes = [range(0.001, 10.0, true, false), list("loss", &["mse", "huber"])];
        let drawn = drawn(&axes, Search::Sobol, 4, 0);
        assert_eq!(drawn, [["0.001", "mse"], ["0.1", "huber"], ["1", "mse"], ["0.01", "huber"]]);
    }

    #[test]
    fn whole_numbers_have_equal_shares_and_are_drawn_once() {
        let [plain, log] = [false, true].map(|is_log| {
            let axes = [range(1.0, 4.0, is_log, true)];
            let mut values: Vec<_> = drawn(&axes, Search::Sobol, 64, 0).concat();
            values.sort();
            values
        });
        assert_eq!(
            (plain, log),
            (
                vec!["1".into(), "2".into(), "3".into(), "4".to_owned()],
                vec!["1".into(), "2".into(), "3".into(), "4".to_owned()]
            )
        );
    }

    #[test]
    fn random_draws_are_those_of_their_seed_and_in_range() {
        let axes = [range(-2.0, 3.0, false, false), range(1e-4, 1e-1, true, false)];
        let draws = |seed| drawn(&axes, Search::Random, 50, seed);
        assert_eq!(draws(1), draws(1));
        assert_ne!(draws(1), draws(2));
        let values: Vec<[f64; 2]> =
            draws(1).iter().map(|draw| [0, 1].map(|axis| draw[axis].parse().unwrap())).collect();
        assert!(values.iter().all(|[x, y]| (-2.0..=3.0).contains(x) && (1e-4..=1e-1).contains(y)));
        // Half of a logarithmic range lies below its geometric mean.
        let low = values.iter().filter(|[_, y]| *y < 10f64.powf(-2.5)).count();
        assert!((15..35).contains(&low), "{low} of 50");
    }
}
