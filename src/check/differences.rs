use super::line::{Check, Worst};
use super::problem::Problem;
use super::random::Random;
use super::reference::{Activation, Gradients, Reference};
use super::twin::norm;

const NAME: &str = "differences";

/// Relative to the gradient, or to the root mean square of its tensor if that is larger. The worst seen was 4e-5: truncation
/// of the difference, and rounding of f64 for gradients hardly above it.
const TOLERANCE: f64 = 1e-3;

/// Most parameters tried in a tensor, and about the number of multiplications for all of them: a few seconds of the
/// reference's plain loops.
const MOST_OF_A_TENSOR: usize = 8;
const EFFORT: u64 = 1_500_000_000;

/// Points tried whatever they take.
const LEAST: usize = 4;

/// Compares `found` with central differences of the reference's loss, at random weights and biases of every layer, or of
/// as many layers as the effort allows.
///
/// Rounding of the loss in f64 is divided by a small distance. A tensor whose gradient has vanished below that noise is left
/// out.
pub(super) fn check(problem: &Problem, found: &Gradients) -> Check {
    let Problem { inputs, targets, gradients, .. } = problem;
    let layers = problem.layers();
    let mut network = problem.reference.clone();
    let states = network.states(inputs);
    let distance = distance(network.activation);
    let noise = 16.0 * f64::EPSILON * network.loss(inputs, targets).abs().max(1.0) / distance;
    let mut random = Random::new(problem.settings.optimization.seed.wrapping_add(2));
    let tensors = (0..layers).flat_map(|layer| [(layer, true), (layer, false)]);
    let usual = |&(layer, is_weight): &(usize, bool)| {
        let tensor = if is_weight { &gradients.weights[layer] } else { &gradients.biases[layer] };
        norm(tensor) / (tensor.len() as f64).sqrt()
    };
    let (vanished, mut judged): (Vec<_>, Vec<_>) =
        tensors.partition(|tensor| noise > TOLERANCE / 4.0 * usual(tensor));
    for index in (1..judged.len()).rev() {
        judged.swap(index, random.below(index + 1));
    }
    if judged.is_empty() {
        let detail = "all gradients have vanished below what f64 resolves".to_owned();
        return Check::new(NAME, 0.0, TOLERANCE, detail);
    }

    let (mut worst, mut spent) = (Worst::default(), 0);
    let mut seen = vec![false; layers];
    for (count, &tensor) in judged.iter().cycle().take(MOST_OF_A_TENSOR * judged.len()).enumerate() {
        if count >= LEAST && spent >= EFFORT {
            break;
        }
        let (layer, is_weight) = tensor;
        let found = if is_weight { &found.weights[layer] } else { &found.biases[layer] };
        let index = random.below(found.len());
        let value = *parameter(&mut network, tensor, index);
        let mut loss_at = |value: f64| {
            *parameter(&mut network, tensor, index) = value;
            network.loss_from(layer, &states[layer], targets)
        };
        let (above, below) = (loss_at(value + distance), loss_at(value - distance));
        *parameter(&mut network, tensor, index) = value;
        let difference = (above - below) / (2.0 * distance);
        let error = (found[index] - difference).abs() / difference.abs().max(usual(&tensor));
        let what = if is_weight { "weight" } else { "bias" };
        worst.note(error, || format!("{what} {index} of layer {layer}"));
        spent += 2 * multiplications(problem, layer);
        seen[layer] = true;
    }
    let seen = seen.iter().filter(|&&seen| seen).count();
    let points = format!("points in {seen} of {layers} layers");
    let mut check = worst.check(NAME, TOLERANCE, "largest relative error", &points);
    if !vanished.is_empty() {
        let tensors = vanished.len();
        check.detail.push_str(&format!("; {tensors} tensors have vanished below what f64 resolves"));
    }
    check
}

fn parameter(network: &mut Reference, (layer, is_weight): (usize, bool), index: usize) -> &mut f64 {
    if is_weight { &mut network.weights[layer][index] } else { &mut network.biases[layer][index] }
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
