use std::path::Path;

use super::line::{Check, Worst};
use super::problem::{Problem, key};
use super::reference::{self, relative_error};
use super::twin::norm;
use crate::Result;
use crate::data::Pass;
use crate::data::npz::{self, Entry};
use crate::device::{Accumulation, DatasetPlacement, Initial, Job, Task, Values, read_all};
use crate::execute::execute;
use crate::memory::{Ledger, LiveMeter};
use crate::model::{Network, Optimizer, Parameters, UpdateRule};
use crate::strategy::Strategy;
use crate::train::{Machine, Planned, task};

/// Relative to the norm of a tensor's gradient. The worst seen was 7e-6, over small networks with all activations and
/// losses, layers up to 2,000 wide, and networks of up to 201 layers. A gradient that is wrong by a thousandth fails.
const TOLERANCE: f64 = 1e-4;

/// Distance by which one step with a huge learning rate moves the parameter with the largest gradient.
///
/// A step of plain SGD leaves `before − rate · gradient`, so the move gives the gradient as the training kernels compute
/// it. At an ordinary rate, rounding to the spacing of f32 around `before` would hide a vanishing gradient. At this rate
/// the move dwarfs every parameter whose gradient is not 10²⁵ times smaller than the largest, more than 51 sigmoid layers
/// cause, and the only error is one rounding of the move, because multiplying by a power of two is exact. Nothing
/// overflows unless gradients are 2³² times too large, which then shows as an error. A layer's delta is computed before
/// its update, so one step sees no updated weight.
pub(super) const MOVE: f32 = (1_u128 << 96) as f32;

/// Bound on parameters from the standard normal distribution.
const LARGEST_PARAMETER: f64 = 8.0;

/// The gradients of one mini-batch's mean loss, by layer.
#[derive(Debug, Clone)]
pub struct ComparedGradients {
    /// Computed by the device.
    pub device: Vec<reference::Parameters>,
    /// Computed by the f64 reference.
    pub reference: Vec<reference::Parameters>,
}

impl ComparedGradients {
    /// Writes them to the npz file `path` in f32: `gpu_W0`, `gpu_b0`, … from the device (CPU or GPU), and `ref_W0`,
    /// `ref_b0`, … from the reference. W is `[outputs, inputs]`, b is `[outputs]`; `gain1` and `shift1` of a normalisation are
    /// `[inputs]`.
    ///
    /// # Errors
    /// [`crate::Error::File`] if the file cannot be written.
    pub fn write(&self, path: &Path, network: &Network) -> Result<()> {
        let mut arrays = Vec::new();
        for (prefix, gradients) in [("gpu", &self.device), ("ref", &self.reference)] {
            for (index, (layer, of_layer)) in network.layers().zip(gradients).enumerate() {
                let narrow = |values: &[f64]| values.iter().map(|&value| value as f32).collect::<Vec<_>>();
                for (name, tensor) in ["W", "b", "gain", "shift"].into_iter().zip(of_layer.tensors()) {
                    let shape = match name {
                        "W" => vec![layer.outputs, layer.inputs],
                        _ => vec![tensor.len()],
                    };
                    if !tensor.is_empty() {
                        arrays.push((format!("{prefix}_{name}{index}"), shape, narrow(tensor)));
                    }
                }
            }
        }
        let entries: Vec<_> = arrays
            .iter()
            .map(|(key, shape, values)| Entry {
                key: key.clone(),
                shape: shape.clone(),
                values: values.into(),
            })
            .collect();
        npz::write(path, &entries)
    }
}

/// The gradients of the first mini-batch that `machine` computes.
pub(super) fn of(machine: &Machine, problem: &Problem) -> Result<Vec<reference::Parameters>> {
    let rate = problem.rate(MOVE);
    let settings = &problem.settings;
    let rule = UpdateRule::of(Optimizer::Sgd);
    let task = Task { rule, ..task(settings, &problem.network, problem.data.shape()) };
    let planned = machine.target().plan(Strategy::StoreAll, &task, DatasetPlacement::Auto)?;
    let Planned { plan, footprint, .. } = planned;
    let Problem { data, parameters, .. } = problem;
    let mut initial = Initial::from(parameters.clone());
    let mut job = Job { task, data, plan: &plan, initial: &mut initial };
    let mut device = machine.open(&mut job, footprint, &Ledger::new())?;
    let step_params = rule.step_params(0, rate, settings.batching.batch as f32, key(settings));
    device.begin_pass(Pass::InOrder, 0, &[step_params])?;
    device.begin_batch(Accumulation::Whole)?;
    execute(&plan.chain, &plan.step, device.as_mut(), &mut LiveMeter::new(plan.slots.len()))?;
    device.end_batch()?;
    let after = read_all(device.as_mut(), Values::Parameters, &problem.network)?;
    Ok(moves(&problem.parameters, &after, rate))
}

fn moves(before: &Parameters, after: &Parameters, rate: f32) -> Vec<reference::Parameters> {
    let tensor = |(before, after): (&Vec<f32>, &Vec<f32>)| {
        let moved = before.iter().zip(after).map(|(&before, &after)| f64::from(before) - f64::from(after));
        moved.map(|moved| moved / f64::from(rate)).collect::<Vec<_>>()
    };
    let layers = before.layers.iter().zip(&after.layers).map(|(before, after)| {
        let mut gradients = reference::Parameters::default();
        let tensors = before.tensors().into_iter().zip(after.tensors()).map(tensor);
        gradients.tensors_mut().into_iter().zip(tensors).for_each(|(gradient, moved)| *gradient = moved);
        gradients
    });
    layers.collect()
}

/// Compares `found` with `expected`, tensor by tensor.
pub(super) fn compare(
    name: &'static str,
    problem: &Problem,
    found: &[reference::Parameters],
    expected: &[reference::Parameters],
) -> Check {
    // Gradients that f32 cannot tell from zero: deltas of all samples below the smallest normal number, times states of
    // usual size, and moves within the spacing around a parameter in spite of the huge rate.
    let smallest = 16.0 * problem.settings.batching.batch as f64 * f64::from(f32::MIN_POSITIVE)
        + f64::from(f32::EPSILON) * LARGEST_PARAMETER / f64::from(problem.rate(MOVE));
    let (mut worst, mut vanished) = (Worst::default(), 0);
    let mut compare = |found: &[f64], expected: &[f64], at: &dyn Fn() -> String| {
        let size = norm(expected);
        let floor = smallest * (expected.len() as f64).sqrt() / TOLERANCE;
        let error = relative_error(found, expected);
        // A tensor of zeros in f64 may be almost zero in f32.
        let difference = if size == 0.0 { norm(found) } else { error * size };
        vanished += usize::from(size < floor);
        worst.note(if error == 0.0 { 0.0 } else { difference / (size + floor) }, at);
    };
    for (layer, (found, expected)) in found.iter().zip(expected).enumerate() {
        let tensors = found.tensors().into_iter().zip(expected.tensors());
        for (name, (found, expected)) in reference::Parameters::NAMES.into_iter().zip(tensors) {
            if !expected.is_empty() {
                compare(found, expected, &|| format!("{name} of layer {layer}"));
            }
        }
    }
    let mut check = worst.check(name, TOLERANCE, "largest relative error", "tensors");
    if vanished > 0 {
        check.detail.push_str(&format!("; {vanished} have vanished below what f32 resolves"));
    }
    check
}
