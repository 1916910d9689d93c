use super::line::{Check, Worst};
use super::problem::Problem;
use super::random::Random;
use super::reference::{Activation, Parameters};
use super::twin::norm;
use crate::words::counted;

const NAME: &str = "differences";
/// One number of each tensor, for messages.
const NAMES: [&str; Parameters::TENSORS] = ["weight", "bias", "gain", "shift"];

/// Relative to the gradient, or to the root mean square of its tensor if that is larger. The worst seen was 4e-5: truncation
/// of the difference, and rounding of f64 for gradients hardly above it.
const TOLERANCE: f64 = 1e-3;

/// Most parameters tried in a tensor, and about the number of multiplications for all of them: a few seconds of the
/// reference's plain loops.
const MOST_OF_A_TENSOR: usize = 8;
const EFFORT: u64 = 1_500_000_000;

/// Points tried whatever they take.
const LEAST: usize = 4;

/// Compares `found` with central differences of the reference's loss, at random parameters of every layer, or of
/// as many layers as the effort allows.
///
/// Rounding of the loss in f64 is divided by a small distance. A tensor whose gradient has vanished below that noise is left
/// out.
pub(super) fn check(problem: &Problem, found: &[Parameters]) -> Check {
    let Problem { inputs, targets, gradients, .. } = problem;
    let layers = problem.layers();
    let mut network = problem.reference.clone();
    let states = network.states(inputs);
    let distance = distance(network.activation);
    let noise = 16.0 * f64::EPSILON * network.loss(inputs, targets).abs().max(1.0) / distance;
    let mut random = Random::new(problem.settings.optimization.seed.wrapping_add(2));
    let tensors = (0..layers).flat_map(|layer| (0..Parameters::TENSORS).map(move |tensor| (layer, tensor)));
    let tensors = tensors.filter(|&(layer, tensor)| !gradients[layer].tensors()[tensor].is_empty());
    let usual = |&(layer, tensor): &(usize, usize)| {
        let tensor = gradients[layer].tensors()[tensor];
        norm(tensor) / (tensor.len() as f64).sqrt()
    };
    let (vanished, mut judged): (Vec<_>, Vec<_>) =
        tensors.partition(|place| noise > TOLERANCE / 4.0 * usual(place));
    for index in (1..judged.len()).rev() {
        judged.swap(index, random.below(index + 1));
    }
    if judged.is_empty() {
        let detail = "all gradients have vanished below what f64 resolves".to_owned();
        return Check::new(NAME, 0.0, TOLERANCE, detail);
    }

    let (mut worst, mut spent) = (Worst::default(), 0);
    let mut seen = vec![false; layers];
    for (count, &place) in judged.iter().cycle().take(MOST_OF_A_TENSOR * judged.len()).enumerate() {
        if count >= LEAST && spent >= EFFORT {
            break;
        }
        let (layer, tensor) = place;
        let found = found[layer].tensors()[tensor];
        let index = random.below(found.len());
        let value = network.parameters[layer].tensors()[tensor][index];
        let mut loss_at = |value: f64| {
            network.parameters[layer].tensors_mut()[tensor][index] = value;
            network.loss_from(layer, &states[layer], targets)
        };
        let (above, below) = (loss_at(value + distance), loss_at(value - distance));
        network.parameters[layer].tensors_mut()[tensor][index] = value;
        let difference = (above - below) / (2.0 * distance);
        let error = (found[index] - difference).abs() / difference.abs().max(usual(&place));
        worst.note(error, || format!("{} {index} of layer {layer}", NAMES[tensor]));
        spent += 2 * multiplications(problem, layer);
        seen[layer] = true;
    }
    let seen = seen.iter().filter(|&&seen| seen).count();
    let points = format!("points in {seen} of {}", counted(layers, "layer"));
    let mut check = worst.check(NAME, TOLERANCE, "largest relative error", &points);
    if !vanished.is_empty() {
        let tensors = counted(vanished.len(), "tensor");
        check.detail.push_str(&format!("; {tensors} vanished below what f64 resolves"));
    }
    check
}

/// Half the distance between the two points of a difference. Smooth activations allow a long one, which lifts small
/// gradients above f64's rounding; with rectifiers, a long one would cross kinks.
fn distance(activation: Activation) -> f64 {
    if activation.has_kink() { 1e-6 } else { 1e-3 }
}

/// Multiplications of the forward pass from `layer` on.
fn multiplications(problem: &Problem, layer: usize) -> u64 {
    let widths = &problem.reference.widths[layer..];
    widths.windows(2).map(|pair| (pair[0] * pair[1] * problem.settings.batching.batch) as u64).sum()
}
