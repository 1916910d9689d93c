//! Synthetic datasets, generated from random numbers: `synthetic:blobs,samples=60000,noise=0.25`.
//!
//! The same recipe gives the same data. Its constants (such as class centres), training samples and test
//! samples come from separate random streams, so that more samples of one split change nothing else.

mod recipe;

use std::f64::consts::TAU;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use recipe::{Kind, Recipe};

use super::inputs::Inputs;
use super::split::Split;
use super::targets::Targets;
use crate::memory::{check_host_room, fallible};
use crate::{Error, Result, Setting};

/// Prefix of a recipe where a file name is expected.
pub(super) const PREFIX: &str = "synthetic:";

/// Random streams of a seed. Initialisation and shuffling use other streams, so that they may share the seed.
mod streams {
    pub const CONSTANTS: u64 = 1 << 63;
    pub const TRAIN: u64 = (1 << 63) + 1;
    pub const TEST: u64 = (1 << 63) + 2;
}

/// `true` if `text` is a recipe.
#[cfg(all(feature = "cli", any(test, fuzzing)))]
pub(crate) fn parse_recipe(text: &str) -> bool {
    text.parse::<Recipe>().is_ok()
}

/// Generates the training and the test split of the recipe in `text`, which comes without its prefix.
pub(super) fn make(text: &str) -> Result<[Split; 2]> {
    let recipe: Recipe = text.parse().map_err(|problem: String| Error::usage(Setting::Data, problem))?;
    let remedy = "use fewer samples or features";
    check_host_room(&format!("the samples of {PREFIX}{text}"), recipe.bytes(), remedy)?;
    let mut generator = Generator::new(&recipe)?;
    Ok([generator.split(streams::TRAIN, recipe.samples)?, generator.split(streams::TEST, recipe.test)?])
}

/// A recipe with the constants that all of its samples share.
struct Generator<'a> {
    recipe: &'a Recipe,
    features: usize,
    outputs: usize,
    /// Centre of each class of blobs, `[classes, features]`.
    centres: Vec<f32>,
    /// Sines to sum up, `[outputs, features]`.
    waves: Vec<Wave>,
    random: ChaCha8Rng,
}

/// `amplitude * sin(frequency * x + phase)`, where the recipe has the frequency.
struct Wave {
    amplitude: f64,
    phase: f64,
}

impl<'a> Generator<'a> {
    fn new(recipe: &'a Recipe) -> Result<Self> {
        let (features, outputs) = (size(recipe.features)?, size(recipe.outputs)?);
        let mut random = stream(recipe, streams::CONSTANTS);
        let (mut centres, mut waves) = (Vec::new(), Vec::new());
        // Keeps the norm of a centre, and the standard deviation of a sum of sines, independent of the number
        // of features.
        let scale = (features as f64).sqrt().recip();
        match recipe.kind {
            Kind::Blobs => {
                let count = size(recipe.classes.saturating_mul(recipe.features))?;
                reserve(&mut centres, count)?;
                centres.extend((0..count).map(|_| (normal(&mut random) * scale) as f32));
            }
            Kind::Spirals => {}
            Kind::Sines => {
                let count = size(recipe.outputs.saturating_mul(recipe.features))?;
                reserve(&mut waves, count)?;
                waves.extend((0..count).map(|_| Wave {
                    amplitude: normal(&mut random) * scale,
                    phase: random.random_range(0.0..TAU),
                }));
            }
        }
        Ok(Generator { recipe, features, outputs, centres, waves, random })
    }

    /// A split of `samples` samples, drawn from a random stream of the recipe's seed.
    fn split(&mut self, random_stream: u64, samples: u64) -> Result<Split> {
        self.random = stream(self.recipe, random_stream);
        let (mut inputs, mut labels, mut values) = (Vec::new(), Vec::new(), Vec::new());
        reserve(&mut inputs, size(samples.saturating_mul(self.recipe.features))?)?;
        let are_classes = self.recipe.kind != Kind::Sines;
        if are_classes {
            reserve(&mut labels, size(samples)?)?;
        } else {
            reserve(&mut values, size(samples.saturating_mul(self.recipe.outputs))?)?;
        }
        for sample in 0..samples {
            // Classes take turns, so that they are equally large.
            let class = sample % self.recipe.classes;
            match self.recipe.kind {
                Kind::Blobs => self.blob(class as usize, &mut inputs),
                Kind::Spirals => self.spiral(class, &mut inputs),
                Kind::Sines => self.sines(&mut inputs, &mut values),
            }
            if are_classes {
                labels.push(class as u32);
            }
        }
        let targets = if are_classes {
            Targets::Classes(labels)
        } else {
            Targets::Regression { width: self.outputs, values }
        };
        Split::new(self.features, Inputs::F32(inputs), targets)
    }

    fn blob(&mut self, class: usize, inputs: &mut Vec<f32>) {
        let Generator { centres, random, recipe, features, .. } = self;
        let centre = &centres[class * *features..][..*features];
        inputs.extend(centre.iter().map(|&at| at + (recipe.noise * normal(random)) as f32));
    }

    fn spiral(&mut self, class: u64, inputs: &mut Vec<f32>) {
        let Recipe { turns, classes, noise, .. } = *self.recipe;
        let along: f64 = self.random.random_range(0.0..1.0);
        let angle = TAU * (turns * along + class as f64 / classes as f64);
        for at in [along * angle.cos(), along * angle.sin()] {
            inputs.push((at + noise * normal(&mut self.random)) as f32);
        }
    }

    fn sines(&mut self, inputs: &mut Vec<f32>, values: &mut Vec<f32>) {
        let Generator { waves, random, recipe, features, .. } = self;
        let start = inputs.len();
        inputs.extend((0..*features).map(|_| random.random_range(-1.0_f32..1.0)));
        let sample = &inputs[start..];
        values.extend(waves.chunks_exact(*features).map(|waves| {
            let sines = sample.iter().zip(waves).map(|(&value, Wave { amplitude, phase })| {
                amplitude * (recipe.frequency * f64::from(value) + phase).sin()
            });
            (sines.sum::<f64>() + recipe.noise * normal(random)) as f32
        }));
    }
}

fn stream(recipe: &Recipe, stream: u64) -> ChaCha8Rng {
    let mut random = ChaCha8Rng::seed_from_u64(recipe.seed);
    random.set_stream(stream);
    random
}

fn normal(random: &mut ChaCha8Rng) -> f64 {
    StandardNormal.sample(random)
}

fn size(count: u64) -> Result<usize> {
    usize::try_from(count).map_err(|_| too_many(count))
}

/// Reserves memory fallibly, because some systems do not tell how much is available, and then
/// `check_host_room` passes.
fn reserve<T>(values: &mut Vec<T>, count: usize) -> Result<()> {
    fallible(|| values.try_reserve_exact(count)).map_err(|_| too_many(count as u64))
}

fn too_many(count: u64) -> Error {
    Error::DoesNotFit(format!("{count} values of synthetic data; use fewer samples or features"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn floats(split: &Split) -> &[f32] {
        match split.inputs() {
            Inputs::F32(values) => values,
            Inputs::U8(_) | Inputs::Mapped(_) => &[],
        }
    }

    #[test]
    fn same_recipe_gives_same_data() {
        for kind in ["blobs,features=5", "spirals,classes=3", "sines,outputs=2,noise=0.1"] {
            let with = |more: &str| make(&format!("{kind},samples=60,test=8{more}")).unwrap();
            let [train, test] = with("");
            assert_eq!((train.len(), test.len()), (60, 8), "{kind}");
            assert_eq!(with(""), [train.clone(), test.clone()], "{kind}");
            assert_ne!(with(",seed=1")[0], train, "{kind}");
            let [more, same] = with(",samples=70");
            assert_eq!(same, test, "{kind}");
            assert!(floats(&more).starts_with(floats(&train)), "{kind}");
            assert_ne!(floats(&train)[..8], floats(&test)[..8], "{kind}");
        }
    }

    /// A dependency that draws other numbers would change every experiment.
    #[test]
    fn blobs_are_pinned() {
        let [train, _] = make("blobs,samples=2,features=2").unwrap();
        assert_eq!(floats(&train), [-0.54782254, 1.3117452, -0.52611053, 0.12710933]);
        assert_eq!(train.labels(), [0, 1]);
    }

    #[test]
    fn noise_is_the_standard_deviation_around_a_centre() {
        let [still, _] = make("blobs,samples=20,features=3,classes=2,noise=0").unwrap();
        let samples: Vec<_> = floats(&still).chunks(3).collect();
        assert!(samples.iter().step_by(2).all(|&sample| sample == samples[0]));
        assert_ne!(samples[0], samples[1]);
        let [noisy, _] = make("blobs,samples=4000,features=3,classes=2,noise=0.5").unwrap();
        let off = floats(&noisy).iter().zip(floats(&still).iter().cycle());
        let variance = off.map(|(noisy, still)| (noisy - still).powi(2)).sum::<f32>() / 12_000.0;
        assert!((variance.sqrt() - 0.5).abs() < 0.02, "{}", variance.sqrt());
    }

    #[test]
    fn data_larger_than_memory_is_rejected() {
        let most = u32::MAX;
        let refused = make(&format!("blobs,samples={most},features={most}"));
        let error = refused.map(|_| ()).unwrap_err();
        assert_eq!(error.exit_code(), 5);
        assert!(error.to_string().contains("fewer samples"), "{error}");
    }
}
