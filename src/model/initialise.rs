use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::{LayerParameters, Network, Parameters};

impl Parameters {
    /// Weights and biases from the standard normal distribution, as the notebook has them, drawn from ChaCha8.
    pub fn normal(network: &Network, seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut draw = |count: usize| StandardNormal.sample_iter(&mut rng).take(count).collect();
        Parameters {
            layers: network
                .layers()
                .map(|layer| LayerParameters {
                    weights: draw(layer.inputs * layer.outputs),
                    bias: draw(layer.outputs),
                })
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Activation, Loss};

    #[test]
    fn the_stream_is_the_one_that_earlier_versions_drew() {
        let network = Network::new(&[2, 1], Activation::Sigmoid, Loss::Quadratic).unwrap();
        let drawn = Parameters::normal(&network, 7);
        assert_eq!(drawn.layers[0].weights, [-0.7753719, -1.3834218]);
        assert_eq!(drawn.layers[0].bias, [0.889713]);
    }
}
