//! Data made of random numbers, to try networks on: `synthetic:blobs,samples=60000,noise=0.25`.
//!
//! The same text makes the same data. What it is made by, the samples to train on and those to score are drawn from streams
//! of their own, so that asking for more of one changes none of the others.

mod recipe;

use std::f64::consts::TAU;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use recipe::{Kind, Recipe};

use super::split::{Inputs, Split, Targets};
use crate::memory::check_host_room;
use crate::{Error, Result};

/// What a name of synthetic data begins with, in the place of a file's.
pub(super) const PREFIX: &str = "synthetic:";

/// Which of a seed's streams are drawn from: none that initial parameters or the order of samples come from, so that a seed
/// may be used for both.
const STREAMS: [u64; 3] = [1 << 63, (1 << 63) + 1, (1 << 63) + 2];

/// Makes what `text` asks for, without its prefix: samples to train on, and samples to score.
pub(super) fn make(text: &str) -> Result<[Split; 2]> {
    let recipe: Recipe = text.parse().map_err(|problem: String| Error::usage("--data", problem))?;
    let remedy = "use fewer samples or features";
    check_host_room(&format!("the samples of {PREFIX}{text}"), recipe.bytes(), remedy)?;
    let mut maker = Maker::new(&recipe)?;
    Ok([maker.split(STREAMS[1], recipe.samples)?, maker.split(STREAMS[2], recipe.test)?])
}

/// A recipe with what is drawn once for all samples.
struct Maker<'a> {
    recipe: &'a Recipe,
    features: usize,
    outputs: usize,
    /// Of blobs, the middle of each class; `[classes, features]`.
    centres: Vec<f32>,
    /// Of sines, factor and phase; `[outputs, features]`.
    waves: Vec<[f64; 2]>,
    random: ChaCha8Rng,
}

impl<'a> Maker<'a> {
    fn new(recipe: &'a Recipe) -> Result<Self> {
        let (features, outputs) = (size(recipe.features)?, size(recipe.outputs)?);
        let mut random = stream(recipe, STREAMS[0]);
        let (mut centres, mut waves) = (Vec::new(), Vec::new());
        // So that the length of a centre, and the deviation of a sum of sines, do not grow with the number of features.
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
                waves
                    .extend((0..count).map(|_| [normal(&mut random) * scale, random.random_range(0.0..TAU)]));
            }
        }
        Ok(Maker { recipe, features, outputs, centres, waves, random })
    }

    /// `samples` samples, drawn from a stream.
    fn split(&mut self, drawn_from: u64, samples: u64) -> Result<Split> {
        self.random = stream(self.recipe, drawn_from);
        let (mut inputs, mut labels, mut values) = (Vec::new(), Vec::new(), Vec::new());
        reserve(&mut inputs, size(samples.saturating_mul(self.recipe.features))?)?;
        let are_classes = self.recipe.kind != Kind::Sines;
        match are_classes {
            true => reserve(&mut labels, size(samples)?)?,
            false => reserve(&mut values, size(samples.saturating_mul(self.recipe.outputs))?)?,
        }
        for sample in 0..samples {
            // All classes are equally large, and come in turns.
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
        let targets = match are_classes {
            true => Targets::Classes(labels),
            false => Targets::Values { width: self.outputs, values },
        };
        Split::new(self.features, Inputs::F32(inputs), targets)
    }

    fn blob(&mut self, class: usize, inputs: &mut Vec<f32>) {
        let Maker { centres, random, recipe, features, .. } = self;
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
        let Maker { waves, random, recipe, features, .. } = self;
        let start = inputs.len();
        inputs.extend((0..*features).map(|_| random.random_range(-1.0_f32..1.0)));
        let sample = &inputs[start..];
        values.extend(waves.chunks_exact(*features).map(|waves| {
            let sines = sample.iter().zip(waves).map(|(&value, [factor, phase])| {
                factor * (recipe.frequency * f64::from(value) + phase).sin()
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

/// The check of the host's memory says nothing where the system tells nothing of it.
fn reserve<T>(values: &mut Vec<T>, count: usize) -> Result<()> {
    values.try_reserve_exact(count).map_err(|_| too_many(count as u64))
}

fn too_many(count: u64) -> Error {
    Error::DoesNotFit(format!("{count} numbers of synthetic data; use fewer samples or features"))
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
    fn the_same_text_makes_the_same_data() {
        for kind in ["blobs,features=5", "spirals,classes=3", "sines,outputs=2,noise=0.1"] {
            let of = |more: &str| make(&format!("{kind},samples=60,test=8{more}")).unwrap();
            let [train, test] = of("");
            assert_eq!((train.len(), test.len()), (60, 8), "{kind}");
            assert_eq!(of(""), [train.clone(), test.clone()], "{kind}");
            assert_ne!(of(",seed=1")[0], train, "{kind}");
            let [more, same] = of(",samples=70");
            assert_eq!(same, test, "{kind}");
            assert!(floats(&more).starts_with(floats(&train)), "{kind}");
            assert_ne!(floats(&train)[..8], floats(&test)[..8], "{kind}");
        }
    }

    /// A dependency that draws otherwise would change all experiments.
    #[test]
    fn blobs_are_pinned() {
        let [train, _] = make("blobs,samples=2,features=2").unwrap();
        assert_eq!(floats(&train), [-0.54782254, 1.3117452, -0.52611053, 0.12710933]);
        assert_eq!(train.labels(), [0, 1]);
    }

    #[test]
    fn noise_is_what_lies_about_a_centre_or_a_sum_of_sines() {
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
    fn more_than_memory_holds_is_refused() {
        let most = u32::MAX;
        let refused = make(&format!("blobs,samples={most},features={most}"));
        let error = refused.map(|_| ()).unwrap_err();
        assert_eq!(error.exit_code(), 5);
        assert!(error.to_string().contains("fewer samples"), "{error}");
    }
}
