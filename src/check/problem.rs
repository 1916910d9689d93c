use std::sync::Arc;

use super::random::Random;
use super::reference::{self, Reference};
use super::twin::{self, norm, widen};
use crate::Result;
use crate::config::Settings;
use crate::data::{Dataset, EvaluatedOn, Inputs, Split};
use crate::memory::check_host_memory;
use crate::model::{Activation, DropoutKey, Initialiser, Network, Parameters};
use crate::plan::Chain;

/// Mini-batches in the training split.
pub(super) const BATCHES: usize = 3;

/// Distance of a pre-activation from a rectifier's kink, relative to its layer's pre-activations, at which rounding to f32 and
/// small changes of a parameter leave it on its side; and the number of draws to find such a sample.
const KINK_MARGIN: f64 = 1e-5;
const DRAWS: usize = 8;

/// A network with random data, and the reference's gradients of its first mini-batch.
pub(super) struct Problem {
    pub settings: Settings,
    pub network: Network,
    pub parameters: Parameters,
    pub data: Arc<Dataset>,
    pub reference: Reference,
    /// Inputs of the first mini-batch, `[batch, features]`.
    pub inputs: Vec<f64>,
    /// Targets of the first mini-batch, `[batch, outputs]`.
    pub targets: Vec<f64>,
    pub gradients: Vec<reference::Parameters>,
}

impl Problem {
    pub fn new(settings: &Settings) -> Result<Self> {
        let network = settings.network.build()?;
        let parameters = parameters(&network, settings);
        let mut reference = twin::reference(&network, &parameters)?;
        reference.dropout = twin::dropout(&network, key(settings), 0);
        let mut random = Random::new(settings.optimization.seed.wrapping_add(1));
        let train = train_split(settings, &network, &reference, &mut random)?;
        let test = random.split(&network, settings.batching.micro_batch() / 2 + 1, false, false)?;
        let data = Arc::new(Dataset {
            source: "random numbers".into(),
            train,
            test,
            evaluated_on: EvaluatedOn::Test,
        });

        let inputs = match data.train.inputs() {
            Inputs::F32(values) => widen(&values[..settings.batching.batch * network.features()]),
            Inputs::U8(_) | Inputs::Mapped(_) => Vec::new(),
        };
        let rows: Vec<u32> = (0..settings.batching.batch as u32).collect();
        let targets = twin::targets(&data.train, network.outputs(), &rows);
        let gradients = reference.gradients(&inputs, &targets);
        Ok(Problem {
            settings: settings.clone(),
            network,
            parameters,
            data,
            reference,
            inputs,
            targets,
            gradients,
        })
    }

    /// The learning rate, a power of two, at which the largest gradient moves its parameter by about `distance`.
    pub fn rate(&self, distance: f32) -> f32 {
        let tensors = self.gradients.iter().flat_map(reference::Parameters::tensors);
        let largest = tensors.flatten().fold(0.0_f64, |largest, gradient| largest.max(gradient.abs()));
        let exponent = (f64::from(distance) / largest).log2().floor();
        if exponent.is_finite() { exponent.clamp(-100.0, 126.0).exp2() as f32 } else { 1.0 }
    }

    pub fn layers(&self) -> usize {
        self.reference.layers()
    }
}

/// Key of the masks of the first step.
pub(super) fn key(settings: &Settings) -> DropoutKey {
    DropoutKey::new(settings.optimization.seed, 0)
}

/// Checks that the host has memory for the reference and the backends, before any of it is allocated.
///
/// # Errors
/// [`crate::Error::DoesNotFit`]
pub(super) fn check_memory(settings: &Settings) -> Result<()> {
    let network = settings.network.build()?;
    let states: u64 = Chain::of(&network, settings.batching.batch)?.state_bytes.iter().sum();
    // In f32: the CPU backend's, before a step and after it, each twice. In f64: the reference and a copy of it, its
    // gradients, the device's and the CPU's.
    let parameters = (4 * 4 + 5 * 8) * network.parameter_count();
    check_host_memory(
        "the reference's numbers in f64 and the copies of parameters beside them",
        parameters.saturating_add(states.saturating_mul(8)),
    )
}

/// Random parameters scaled by the fan-in, so that the checks tell a correct device from a wrong one however wide and deep
/// the network is: a layer that amplifies its input amplifies rounding, too, and a deep chain of such layers leaves the
/// range of f32. The derivative of sigmoid is at most 1/4, so its gain may be 4.
fn parameters(network: &Network, settings: &Settings) -> Parameters {
    let gain = match settings.network.activation {
        Activation::Sigmoid => 4.0,
        activation if Initialiser::usual(activation) == Initialiser::He => std::f32::consts::SQRT_2,
        _ => 1.0,
    };
    Random::new(settings.optimization.seed).parameters(network, gain)
}

/// A few mini-batches and one more sample. The samples of the first are clear of kinks, if draws find such samples.
fn train_split(
    settings: &Settings,
    network: &Network,
    reference: &Reference,
    random: &mut Random,
) -> Result<Split> {
    let (features, samples) = (network.features(), BATCHES * settings.batching.batch + 1);
    let mut inputs = Vec::with_capacity(samples * features);
    let mut reference = reference.clone();
    for sample in 0..samples {
        let mut row = random.normals(features, 1.0);
        reference.dropout.iter_mut().for_each(|dropout| dropout.first = sample);
        if reference.activation.has_kink() && sample < settings.batching.batch {
            for _ in 1..DRAWS {
                if is_clear_of_kinks(&reference, &widen(&row)) {
                    break;
                }
                row = random.normals(features, 1.0);
            }
        }
        inputs.append(&mut row);
    }
    let labels = random.labels(network, samples);
    Split::new(features, Inputs::F32(inputs), labels)
}

fn is_clear_of_kinks(reference: &Reference, sample: &[f64]) -> bool {
    let states = reference.states(sample);
    (0..reference.layers()).all(|layer| {
        let given = match reference.activation_input(layer, &states[layer]) {
            Some(given) if reference.activation.has_kink() => given,
            _ => return true,
        };
        let usual = norm(&given) / (given.len() as f64).sqrt();
        !given.iter().any(|z| z.abs() <= KINK_MARGIN * usual)
    })
}
