use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use crate::Result;
use crate::data::{Inputs, Split, Targets};
use crate::model::{LayerParameters, Loss, Network, Parameters};

/// A seeded generator, whose values are the same in every run.
pub(super) struct Random(ChaCha8Rng);

impl Random {
    pub fn new(seed: u64) -> Self {
        Random(ChaCha8Rng::seed_from_u64(seed))
    }

    /// A uniform integer in `0..bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0.random_range(0..bound)
    }

    pub fn normal(&mut self) -> f32 {
        StandardNormal.sample(&mut self.0)
    }

    pub fn normals(&mut self, count: usize, scale: f32) -> Vec<f32> {
        (0..count).map(|_| scale * self.normal()).collect()
    }

    /// Weights with standard deviation `gain / √fan-in`, small biases and shifts, and gains around 1.
    pub fn parameters(&mut self, network: &Network, gain: f32) -> Parameters {
        let layers = network.layers().map(|layer| LayerParameters {
            weights: self.normals(layer.inputs * layer.outputs, gain / (layer.inputs as f32).sqrt()),
            bias: self.normals(layer.outputs, 0.3),
            gain: self.normals(layer.tensor_lengths()[2], 0.3).into_iter().map(|gain| 1.0 + gain).collect(),
            shift: self.normals(layer.tensor_lengths()[3], 0.3),
        });
        Parameters { layers: layers.collect() }
    }

    /// `samples` samples for `network`: bytes or floats, with regression targets (`values`) or class labels.
    pub fn split(&mut self, network: &Network, samples: usize, bytes: bool, values: bool) -> Result<Split> {
        let count = samples * network.features();
        let inputs = if bytes {
            Inputs::U8((0..count).map(|_| self.below(256) as u8).collect())
        } else {
            Inputs::F32(self.normals(count, 1.0))
        };
        let targets = if values {
            // From 0 to 1, as binary cross-entropy takes them.
            let width = network.outputs();
            let mut values: Vec<f32> =
                (0..samples * width).map(|_| self.below(1 << 16) as f32 / 65536.0).collect();
            if network.loss() == Loss::CrossEntropy {
                for row in values.chunks_exact_mut(width) {
                    // Above 0, so that there is a sum to divide by.
                    row.iter_mut().for_each(|value| *value += 0.01);
                    let sum: f32 = row.iter().sum();
                    row.iter_mut().for_each(|value| *value /= sum);
                }
            }
            Targets::Regression { width, values }
        } else {
            Targets::Classes(self.labels(network, samples))
        };
        Split::new(network.features(), inputs, targets)
    }

    pub fn labels(&mut self, network: &Network, samples: usize) -> Vec<u32> {
        // One output distinguishes two classes.
        (0..samples).map(|_| self.below(network.outputs().max(2)) as u32).collect()
    }
}
