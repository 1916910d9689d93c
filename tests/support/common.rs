//! Shared by several test binaries.

#![allow(dead_code, reason = "each test binary uses its own part")]

use std::path::Path;
use std::sync::{Arc, OnceLock};

use ckpt_gpu::config::Settings;
use ckpt_gpu::data::Dataset;
use ckpt_gpu::model::{LayerParameters, Network, Parameters};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// Directory of the project.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// MNIST of this repository.
pub fn mnist() -> &'static Arc<Dataset> {
    static MNIST: OnceLock<Arc<Dataset>> = OnceLock::new();
    MNIST.get_or_init(|| Arc::new(Dataset::load(&root().join("data/mnist.npz")).unwrap()))
}

/// `settings` after `change`.
pub fn changed(mut settings: Settings, change: impl FnOnce(&mut Settings)) -> Settings {
    change(&mut settings);
    settings
}

/// Random numbers, the same in every run.
pub struct Random(ChaCha8Rng);

impl Random {
    pub fn new(seed: u64) -> Self {
        Random(ChaCha8Rng::seed_from_u64(seed))
    }

    /// From 0 to `bound - 1`.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0.random_range(0..bound)
    }

    pub fn normal(&mut self) -> f32 {
        StandardNormal.sample(&mut self.0)
    }

    /// Parameters scaled so that activation functions neither saturate nor blow up.
    pub fn parameters(&mut self, network: &Network) -> Parameters {
        let layers = network.layers().map(|layer| {
            let scale = 1.0 / (layer.inputs as f32).sqrt();
            LayerParameters {
                weights: (0..layer.inputs * layer.outputs).map(|_| scale * self.normal()).collect(),
                bias: (0..layer.outputs).map(|_| 0.3 * self.normal()).collect(),
                gain: (0..layer.tensor_lengths()[2]).map(|_| 1.0 + 0.3 * self.normal()).collect(),
                shift: (0..layer.tensor_lengths()[3]).map(|_| 0.3 * self.normal()).collect(),
            }
        });
        Parameters { layers: layers.collect() }
    }
}
