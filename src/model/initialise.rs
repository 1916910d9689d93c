use std::str::FromStr;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal, StandardUniform};
use serde::{Deserialize, Serialize};

use super::{Activation, Layer, LayerParameters, Network, Operation, Parameters};

/// How a network's parameters are initialised.
///
/// All but `normal` divide the weights of residual layers by the square root of the number of such layers, so that the
/// variance of what they add up to does not grow with depth. All but `normal` and `siren` divide the weights of the last layer
/// by 10, so that the first outputs are close to 0: otherwise a network has to unlearn a random function, and small data does
/// not suffice for that (Zhang, Dauphin & Ma 2019, who start it at 0).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Initialiser {
    /// Standard normal weights and biases.
    Normal,
    /// Uniform weights of variance `2 / (inputs + outputs)`, zero biases (Glorot & Bengio 2010).
    Xavier,
    /// Normal weights of variance `2 / inputs`, zero biases (He et al. 2015).
    He,
    /// Weights with orthogonal rows or columns of norm 1, or √2 where `he` is the default, zero biases (Saxe et al.
    /// 2014).
    Orthogonal,
    /// Uniform weights for sines of frequency 30 (Sitzmann et al. 2020), with the frequency multiplied into them.
    Siren,
}

/// Factor of the last layer's weights.
const LAST: f64 = 0.1;

/// Frequency of the sines of [`Initialiser::Siren`].
const OMEGA: f64 = 30.0;

impl Initialiser {
    /// Every initialiser.
    pub const ALL: [Initialiser; 5] = [
        Initialiser::Normal,
        Initialiser::Xavier,
        Initialiser::He,
        Initialiser::Orthogonal,
        Initialiser::Siren,
    ];

    fn name_and_summary(self) -> (&'static str, &'static str) {
        match self {
            Initialiser::Normal => ("normal", "standard normal weights and biases"),
            Initialiser::Xavier => ("xavier", "uniform weights of variance 2 / (inputs + outputs)"),
            Initialiser::He => ("he", "normal weights of variance 2 / inputs"),
            Initialiser::Orthogonal => ("orthogonal", "orthogonal rows or columns"),
            Initialiser::Siren => ("siren", "uniform weights for sines of frequency 30"),
        }
    }

    /// Name in settings and files.
    pub fn name(self) -> &'static str {
        self.name_and_summary().0
    }

    /// What it draws, for help and documentation.
    pub fn summary(self) -> &'static str {
        self.name_and_summary().1
    }

    /// Default for layers of `activation`.
    pub fn usual(activation: Activation) -> Self {
        activation.properties().initialiser
    }
}

impl FromStr for Initialiser {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        super::name::by_name(&Self::ALL, Self::name, name)
    }
}

impl Parameters {
    /// Initial parameters of `network`, drawn from ChaCha8's stream 0 of `seed`.
    pub fn initial(network: &Network, initialiser: Initialiser, seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let residual = network.layers().filter(|layer| layer.has(Operation::AddInput)).count() as f64;
        let last = network.layers().len() - 1;
        let layers = network.layers().enumerate().map(|(index, layer)| {
            let scale = match index {
                index if index == last && initialiser != Initialiser::Siren => LAST,
                _ if layer.has(Operation::AddInput) => residual.sqrt().recip(),
                _ => 1.0,
            };
            let place = LayerPosition { is_first: index == 0, is_last: index == last, scale };
            draw(network.activation(), layer, place, initialiser, &mut rng)
        });
        Parameters { layers: layers.collect() }
    }

    /// Initial parameters of `network` from the standard normal distribution.
    pub fn normal(network: &Network, seed: u64) -> Self {
        Self::initial(network, Initialiser::Normal, seed)
    }
}

/// A layer's place in its network.
struct LayerPosition {
    is_first: bool,
    is_last: bool,
    /// Factor of its weights.
    scale: f64,
}

fn draw(
    activation: Activation,
    layer: Layer,
    place: LayerPosition,
    initialiser: Initialiser,
    rng: &mut ChaCha8Rng,
) -> LayerParameters {
    let Layer { inputs, outputs, .. } = layer;
    let (count, fan_in) = (inputs * outputs, inputs as f64);
    let [_, _, gain, shift] = layer.tensor_lengths();
    let normalised = LayerParameters { gain: vec![1.0; gain], shift: vec![0.0; shift], ..Default::default() };
    // Numbers are rounded as they are drawn, so that they take no more memory than the parameters.
    let rounded = |weights: &mut dyn Iterator<Item = f64>| {
        let mut rounded = Vec::with_capacity(count);
        rounded.extend(weights.map(|weight| (weight * place.scale) as f32));
        rounded
    };
    let without_bias = |weights: &mut dyn Iterator<Item = f64>| LayerParameters {
        weights: rounded(weights),
        bias: vec![0.0; outputs],
        ..normalised.clone()
    };
    match initialiser {
        Initialiser::Normal => {
            let mut draw = |count: usize| {
                let mut drawn = Vec::with_capacity(count);
                drawn.extend(Distribution::<f32>::sample_iter(StandardNormal, &mut *rng).take(count));
                drawn
            };
            LayerParameters { weights: draw(count), bias: draw(outputs), ..normalised }
        }
        Initialiser::Xavier => {
            without_bias(&mut uniform(rng, count, (6.0 / (inputs + outputs) as f64).sqrt()))
        }
        Initialiser::He => {
            let deviation = (2.0 / fan_in).sqrt();
            without_bias(&mut normal(rng, count).map(|number| number * deviation))
        }
        Initialiser::Orthogonal => {
            let gain = if Initialiser::usual(activation) == Initialiser::He { 2_f64.sqrt() } else { 1.0 };
            without_bias(&mut orthogonal(rng, outputs, inputs).map(|weight| weight * gain))
        }
        Initialiser::Siren => {
            let most = if place.is_first { OMEGA / fan_in } else { (6.0 / fan_in).sqrt() };
            let (most, frequency) = if place.is_last { (most / OMEGA, 1.0) } else { (most, OMEGA) };
            let weights = rounded(&mut uniform(rng, count, most));
            let bias = uniform(rng, outputs, frequency / fan_in.sqrt());
            LayerParameters { weights, bias: bias.map(|number| number as f32).collect(), ..normalised }
        }
    }
}

fn normal(rng: &mut ChaCha8Rng, count: usize) -> impl Iterator<Item = f64> + '_ {
    StandardNormal.sample_iter(rng).take(count)
}

/// `count` numbers, uniform from `-most` to `most`.
fn uniform(rng: &mut ChaCha8Rng, count: usize, most: f64) -> impl Iterator<Item = f64> + '_ {
    let numbers = StandardUniform.sample_iter(rng).take(count);
    numbers.map(move |number: f64| most * (2.0 * number - 1.0))
}

/// The elements of a random matrix `[rows, columns]` with orthonormal rows, or columns if there are fewer of them, by
/// Gram-Schmidt with one reorthogonalisation, which suffices (Giraud et al. 2005).
fn orthogonal(rng: &mut ChaCha8Rng, rows: usize, columns: usize) -> impl Iterator<Item = f64> {
    let (vectors, length) = (rows.min(columns), rows.max(columns));
    let mut numbers: Vec<f64> = normal(rng, vectors * length).collect();
    for index in 0..vectors {
        let (before, rest) = numbers.split_at_mut(index * length);
        let vector = &mut rest[..length];
        for _ in 0..2 {
            for other in before.chunks_exact(length) {
                let along: f64 = vector.iter().zip(other).map(|(a, b)| a * b).sum();
                for (a, b) in vector.iter_mut().zip(other) {
                    *a -= along * b;
                }
            }
        }
        let norm = vector.iter().map(|a| a * a).sum::<f64>().sqrt();
        for a in vector {
            *a /= norm;
        }
    }
    (0..rows * columns).map(move |place| {
        let transposed = place % columns * length + place / columns;
        numbers[if rows <= columns { place } else { transposed }]
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Loss;

    #[test]
    fn the_stream_is_the_one_that_earlier_versions_drew() {
        let network = Network::new(&[2, 1], Activation::Sigmoid, Loss::Quadratic).unwrap();
        let drawn = Parameters::normal(&network, 7);
        assert_eq!(drawn.layers[0].weights, [-0.7753719, -1.3834218]);
        assert_eq!(drawn.layers[0].bias, [0.889713]);
    }

    #[test]
    fn orthogonal_rows_or_columns_are_orthonormal() {
        for (rows, columns) in [(5, 9), (9, 5), (7, 7), (1, 3), (3, 1)] {
            let weights: Vec<f64> = orthogonal(&mut ChaCha8Rng::seed_from_u64(3), rows, columns).collect();
            let at = |row: usize, column: usize| weights[row * columns + column];
            let (vectors, length) = (rows.min(columns), rows.max(columns));
            let element = |vector, place| if rows <= columns { at(vector, place) } else { at(place, vector) };
            for a in 0..vectors {
                for b in 0..vectors {
                    let product: f64 = (0..length).map(|place| element(a, place) * element(b, place)).sum();
                    assert!((product - f64::from(a == b)).abs() < 1e-12, "{rows}×{columns}: {product}");
                }
            }
        }
    }

    #[test]
    fn variances_are_those_of_the_sources() {
        let network = Network::new(&[200, 300, 300, 100], Activation::Relu, Loss::Mse).unwrap();
        let network = network.with_residual(true);
        for (initialiser, expected) in [
            (Initialiser::Normal, [1.0, 1.0, 1.0]),
            (Initialiser::Xavier, [2.0 / 500.0, 2.0 / 600.0, 0.02 / 400.0]),
            (Initialiser::He, [2.0 / 200.0, 2.0 / 300.0, 0.02 / 300.0]),
            (Initialiser::Orthogonal, [2.0 / 300.0, 2.0 / 300.0, 0.02 / 300.0]),
            (Initialiser::Siren, [0.15 * 0.15 / 3.0, 2.0 / 300.0, 2.0 / 300.0 / 900.0]),
        ] {
            let drawn = Parameters::initial(&network, initialiser, 1);
            for (layer, expected) in drawn.layers.iter().zip(expected) {
                let squares = layer.weights.iter().map(|&weight| f64::from(weight).powi(2));
                let variance = squares.sum::<f64>() / layer.weights.len() as f64;
                assert!(
                    (variance / expected - 1.0).abs() < 0.05,
                    "{initialiser:?}: {variance}, not {expected}"
                );
            }
        }
    }

    #[test]
    fn deep_residual_networks_keep_what_they_carry_in_bounds() {
        let network = Network::new(&[8; 102], Activation::Relu, Loss::Mse).unwrap().with_residual(true);
        let drawn = Parameters::initial(&network, Initialiser::He, 1);
        let squares = drawn.layers[50].weights.iter().map(|weight| weight * weight);
        let variance = squares.sum::<f32>() / 64.0;
        assert!(variance < 2.0 * 0.25 / 99.0, "{variance}");
    }
}
