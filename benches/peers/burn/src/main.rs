//! Trains like the other peers, with burn on wgpu, and prints one line of JSON like theirs.

mod options;
mod work;

use std::time::{Duration, Instant};

use burn::tensor::activation::sigmoid;
use burn::tensor::module::linear;
use burn::tensor::{Device, DeviceKind, Gradients, Tensor};

use options::Options;
use work::Batch;

/// Untimed runs, by which kernels are compiled and chosen: from 3 to 40, until two in a row are no longer much faster than
/// the best before.
const WARM_UP: [usize; 3] = [3, 2, 40];
/// Steps of an untimed run.
const WARM_UP_STEPS: usize = 10;
/// A run is much faster if it takes less than this share of the best time before.
const MUCH_FASTER: f64 = 0.9;

type Fallible<T> = Result<T, Box<dyn std::error::Error>>;

/// Weights `[inputs, outputs]`, the layout of burn's own linear layers, and bias of each layer.
type Parameters = Vec<(Tensor<2>, Tensor<1>)>;

fn main() -> Fallible<()> {
    let options = Options::parse(std::env::args().skip(1))?;
    let device = Device::wgpu(options.adapter.clone());
    let adapter = device.identity().ok_or("wgpu does not report its adapter")?;
    if options.adapter != DeviceKind::Cpu && adapter.physical.is_none() {
        return Err(format!("wgpu finds no hardware GPU, only {}", adapter.name).into());
    }
    let device = device.autodiff();
    let device = if options.checkpoint { device.gradient_checkpointing() } else { device };
    let start = work::parameters(&options, &device)?;
    let batches = work::batches(&options, &device)?;

    let warm_up_steps = warm_up(&device, &start, &batches, &options)?;
    let (time, loss) = run(&device, start, &batches, options.rate, options.steps)?;
    let line = serde_json::json!({
        "peer": "burn",
        "versions": {
            "burn": work::version_of("burn")?,
            "wgpu": work::version_of("wgpu")?,
            "adapter": adapter.name,
        },
        "every": 0,
        "checkpointing": options.checkpoint,
        "steps": options.steps,
        "warm_up_steps": warm_up_steps,
        "seconds_per_step": time.as_secs_f64() / options.steps as f64,
        "loss": loss,
        "peak_activation_bytes": null,
    });
    println!("{line}");
    Ok(())
}

/// Runs until runs no longer get faster, and returns the number of steps. Like the timed steps, these do not wait for each
/// other, because fusion joins work of neighbouring steps.
fn warm_up(device: &Device, start: &Parameters, batches: &[Batch], options: &Options) -> Fallible<usize> {
    let [least, in_a_row, most] = WARM_UP;
    let steps = options.steps.min(WARM_UP_STEPS);
    let (mut best, mut since, mut runs) = (Duration::MAX, 0, 0);
    while runs < most && (runs < least || since < in_a_row) {
        let (time, _) = run(device, start.clone(), batches, options.rate, steps)?;
        since = if time.as_secs_f64() < MUCH_FASTER * best.as_secs_f64() { 0 } else { since + 1 };
        best = best.min(time);
        runs += 1;
    }
    Ok(runs * steps)
}

/// Trains all steps, and returns their time and mean loss.
fn run(
    device: &Device,
    mut parameters: Parameters,
    batches: &[Batch],
    rate: f32,
    steps: usize,
) -> Fallible<(Duration, f64)> {
    let mut losses = Vec::new();
    let started = Instant::now();
    for step in 0..steps {
        let (moved, loss) = train(device, parameters, &batches[step % batches.len()], rate);
        parameters = moved;
        losses.push(loss);
    }
    device.sync()?;
    let time = started.elapsed();
    let mut sum = 0.0;
    for loss in losses {
        sum += f64::from(loss.into_scalar::<f32>());
    }
    Ok((time, sum / steps as f64))
}

/// Trains one step, and returns the updated parameters and the loss, both on the device.
fn train(device: &Device, parameters: Parameters, batch: &Batch, rate: f32) -> (Parameters, Tensor<1>) {
    let mut state = batch.inputs.clone();
    for (weights, bias) in &parameters {
        state = sigmoid(linear(state, weights.clone(), Some(bias.clone())));
    }
    let samples = batch.inputs.dims()[0] as f32;
    let loss = (state - batch.labels.clone()).square().sum().mul_scalar(0.5 / samples);
    let mut gradients = loss.backward();
    let moved = parameters
        .into_iter()
        .map(|(weights, bias)| {
            (moved(device, weights, &mut gradients, rate), moved(device, bias, &mut gradients, rate))
        })
        .collect();
    (moved, loss.inner())
}

/// A parameter after its SGD update, ready for the next step.
fn moved<const D: usize>(
    device: &Device,
    parameter: Tensor<D>,
    gradients: &mut Gradients,
    rate: f32,
) -> Tensor<D> {
    let gradient = parameter.grad_remove(gradients).expect("every parameter has a gradient");
    work::trained(device, parameter.inner() - gradient.mul_scalar(rate))
}
