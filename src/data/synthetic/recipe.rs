//! Recipes of synthetic data: `blobs,samples=1000,noise=0.5`.

use std::str::FromStr;

use crate::model::by_name;

/// Kind of synthetic data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Classes, each scattered around a random centre.
    Blobs,
    /// Classes in the plane, each along an arm of a spiral.
    Spirals,
    /// Regression targets that are sums of sines of the features.
    Sines,
}

impl Kind {
    const ALL: [Kind; 3] = [Kind::Blobs, Kind::Spirals, Kind::Sines];

    fn name(self) -> &'static str {
        match self {
            Kind::Blobs => "blobs",
            Kind::Spirals => "spirals",
            Kind::Sines => "sines",
        }
    }

    fn keys(self) -> &'static [&'static str] {
        match self {
            Kind::Blobs => &["samples", "test", "features", "classes", "noise", "seed"],
            Kind::Spirals => &["samples", "test", "classes", "turns", "noise", "seed"],
            Kind::Sines => &["samples", "test", "features", "outputs", "frequency", "noise", "seed"],
        }
    }
}

/// Everything that determines the data.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Recipe {
    pub kind: Kind,
    /// Samples of the training split.
    pub samples: u64,
    /// Samples of the test split.
    pub test: u64,
    pub features: u64,
    /// Classes of blobs and spirals.
    pub classes: u64,
    /// Regression targets per sample of sines.
    pub outputs: u64,
    /// Turns of a spiral's arm.
    pub turns: f64,
    /// Factor that features are multiplied by before the sine.
    pub frequency: f64,
    /// Standard deviation of the noise.
    pub noise: f64,
    pub seed: u64,
}

impl FromStr for Recipe {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.split(',').map(str::trim);
        let kind = by_name(&Kind::ALL, Kind::name, parts.next().unwrap_or_default())?;
        let mut recipe = Recipe::default_of(kind);
        let mut test = None;
        for part in parts {
            let (key, value) =
                part.split_once('=').ok_or_else(|| format!("found '{part}', expected key=value"))?;
            let (key, value) = (by_name(kind.keys(), |key| key, key.trim())?, value.trim());
            match key {
                "samples" => recipe.samples = count(key, value, 1, u32::MAX.into())?,
                "test" => test = Some(count(key, value, 1, u32::MAX.into())?),
                "features" => recipe.features = count(key, value, 1, u32::MAX.into())?,
                "classes" => recipe.classes = count(key, value, 2, u32::MAX.into())?,
                "outputs" => recipe.outputs = count(key, value, 1, u32::MAX.into())?,
                "turns" => recipe.turns = number(key, value)?,
                "frequency" => recipe.frequency = number(key, value)?,
                "noise" => recipe.noise = number(key, value)?,
                _ => recipe.seed = count(key, value, 0, u64::MAX)?,
            }
        }
        recipe.test = test.unwrap_or(recipe.samples.div_ceil(6));
        Ok(recipe)
    }
}

impl Recipe {
    fn default_of(kind: Kind) -> Self {
        let (features, classes, noise) = match kind {
            Kind::Blobs => (784, 10, 0.25),
            Kind::Spirals => (2, 2, 0.02),
            Kind::Sines => (8, 2, 0.0),
        };
        Recipe {
            kind,
            samples: 60_000,
            test: 10_000,
            features,
            classes,
            outputs: 1,
            turns: 1.0,
            frequency: 3.0,
            noise,
            seed: 0,
        }
    }

    /// Bytes of both splits and the constants, saturating at `u64::MAX`.
    pub fn bytes(&self) -> u64 {
        let samples = self.samples.saturating_add(self.test);
        let constants = match self.kind {
            Kind::Blobs => self.classes.saturating_mul(self.features),
            Kind::Spirals => 0,
            Kind::Sines => self.outputs.saturating_mul(self.features).saturating_mul(4),
        };
        let words = samples.saturating_mul(self.features.saturating_add(self.outputs));
        words.saturating_add(constants).saturating_mul(4)
    }
}

fn count(key: &str, value: &str, least: u64, most: u64) -> Result<u64, String> {
    let found = value.parse().ok().filter(|found| (least..=most).contains(found));
    found.ok_or_else(|| format!("found {key}={value}, expected a whole number from {least} to {most}"))
}

fn number(key: &str, value: &str) -> Result<f64, String> {
    let found = value.parse().ok().filter(|found: &f64| found.is_finite() && (0.0..=1e6).contains(found));
    found.ok_or_else(|| format!("found {key}={value}, expected a number from 0 to 1000000"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> String {
        text.parse::<Recipe>().unwrap_err()
    }

    #[test]
    fn given_keys_replace_defaults() {
        let recipe: Recipe = "blobs,samples=600, features = 7,classes=3,noise=0.5,seed=9".parse().unwrap();
        let defaults = Recipe::default_of(Kind::Blobs);
        let (samples, test) = (600, 100);
        let expected = Recipe { samples, test, features: 7, classes: 3, noise: 0.5, seed: 9, ..defaults };
        assert_eq!(recipe, expected);
        assert_eq!(
            "sines,test=4".parse::<Recipe>().unwrap(),
            Recipe { test: 4, ..Recipe::default_of(Kind::Sines) }
        );
        assert_eq!(recipe.bytes(), 4 * (700 * 8 + 21));
    }

    #[test]
    fn invalid_recipes_are_rejected_with_suggestions() {
        assert!(problem("blob").ends_with("expected one of: blobs, spirals, sines; did you mean blobs?"));
        assert!(problem("").starts_with("found '', expected one of: blobs"));
        assert!(problem("sines,sample=4").ends_with("did you mean samples?"));
        assert!(problem("blobs,turns=4").contains("found 'turns', expected one of: samples, test"));
        assert!(problem("blobs,samples").contains("'samples', expected key=value"));
        for value in ["0", "-1", "1.5", "4294967296", "many", ""] {
            let found = problem(&format!("blobs,samples={value}"));
            assert!(found.contains("from 1 to 4294967295"), "{found}");
        }
        for value in ["nan", "inf", "-1", "1e7", ""] {
            let found = problem(&format!("blobs,noise={value}"));
            assert!(found.contains("from 0 to 1000000"), "{found}");
        }
        assert!(problem("spirals,classes=1").contains("from 2 to"));
        assert!(problem("spirals,seed=-1").contains("from 0 to"));
    }

    #[test]
    fn size_saturates() {
        let most = u32::MAX;
        let recipe: Recipe = format!("sines,samples={most},features={most},outputs={most}").parse().unwrap();
        assert_eq!(recipe.bytes(), u64::MAX);
    }
}
