//! Measures GFLOP/s of the three matrix products of a layer by shape, on the CPU backend and the first adapter of each kind.
//!
//! `cargo bench --bench kernels` prints one row per shape and device: medians over rounds, and the range of the forward
//! product. Every figure is for one action, repeated within a pass. A layer's delta is computed in the same action as its
//! update, so the last figure covers both. On the CPU the gradient sums of a small layer's batch slices are added once per
//! pass.

use std::sync::Arc;
use std::time::Instant;

use ckpt_gpu::Error;
use ckpt_gpu::config::{DeviceChoice, Settings, Widths};
use ckpt_gpu::data::{Dataset, EvaluatedOn, Inputs, Pass, Split};
use ckpt_gpu::device::{Accumulation, Device, Initial, Job};
use ckpt_gpu::execute::execute;
use ckpt_gpu::memory::{Ledger, LiveMeter};
use ckpt_gpu::model::{DropoutKey, Optimizer, Parameters, UpdateRule};
use ckpt_gpu::plan::{Action, Op, Plan};
use ckpt_gpu::train::{Machine, task};

struct Shape {
    batch: usize,
    inputs: usize,
    outputs: usize,
    /// Too large for a CPU.
    needs_gpu: bool,
}

const SHAPES: [Shape; 8] = [
    Shape { batch: 100, inputs: 784, outputs: 30, needs_gpu: false },
    Shape { batch: 100, inputs: 30, outputs: 30, needs_gpu: false },
    Shape { batch: 100, inputs: 784, outputs: 100, needs_gpu: false },
    Shape { batch: 512, inputs: 784, outputs: 256, needs_gpu: false },
    Shape { batch: 512, inputs: 256, outputs: 256, needs_gpu: false },
    Shape { batch: 512, inputs: 255, outputs: 257, needs_gpu: false },
    Shape { batch: 512, inputs: 1024, outputs: 1024, needs_gpu: false },
    Shape { batch: 4096, inputs: 4096, outputs: 4096, needs_gpu: true },
];
const DEVICES: [DeviceChoice; 3] = [DeviceChoice::Cpu, DeviceChoice::Gpu, DeviceChoice::Software];
const ROUNDS: usize = 7;
/// Least time of a pass, in seconds: long enough that its beginning and end do not count.
const PASS_SECONDS: f64 = 0.05;

fn main() -> Result<(), Error> {
    println!(
        "{:<16} {:<28} {:>9} {:>9} {:>9}  range of forward, GFLOP/s",
        "batch, in, out", "device", "forward", "update", "both"
    );
    for device in DEVICES {
        let machine = match Machine::find(device) {
            Ok(found) => found.machine,
            Err(Error::NoDevice { wanted, .. }) => {
                println!("not run: no device for {wanted}");
                continue;
            }
            Err(error) => return Err(error),
        };
        for Shape { batch, inputs, outputs, needs_gpu } in SHAPES {
            if !needs_gpu || device == DeviceChoice::Gpu {
                row(&machine, batch, inputs, outputs)?;
            }
        }
    }
    Ok(())
}

fn row(machine: &Machine, batch: usize, inputs: usize, outputs: usize) -> Result<(), Error> {
    // The lowest layer has no delta to compute; a layer above another does.
    let mut lowest = Bench::new(machine, batch, &[inputs, outputs])?;
    let mut above = Bench::new(machine, batch, &[inputs, inputs, outputs])?;
    let is_forward = |action: &Action| action.run().is_some_and(|run| matches!(run.op, Op::Forward(_)));
    let is_backward = |action: &Action| action.run().is_some_and(|run| run.op.is_backward());
    // The backward pass begins with the highest layer.
    let forward = lowest.repeated(is_forward)?;
    let update = lowest.repeated(is_backward)?;
    let both = above.repeated(is_backward)?;
    let (mut forwards, mut updates, mut backwards) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        forwards.push(lowest.seconds(&forward)?);
        updates.push(lowest.seconds(&update)?);
        // The action has two products.
        backwards.push(above.seconds(&both)? / 2.0);
    }
    let flops = 2.0 * batch as f64 * inputs as f64 * outputs as f64;
    let [forwards, updates, backwards] = [forwards, updates, backwards].map(|mut times| {
        times.sort_by(f64::total_cmp);
        times.into_iter().map(|seconds| 1e-9 * flops / seconds).collect::<Vec<_>>()
    });
    let [forward, update, both] = [&forwards, &updates, &backwards].map(|rates| rates[ROUNDS / 2]);
    println!(
        "{:<16} {:<28.28} {forward:>9.2} {update:>9.2} {both:>9.2}  {:.2} to {:.2}",
        format!("{batch}, {inputs}, {outputs}"),
        machine.info().name,
        forwards[ROUNDS - 1],
        forwards[0]
    );
    Ok(())
}

/// A network on a device, whose actions can be repeated.
struct Bench {
    plan: Plan,
    device: Box<dyn Device>,
    meter: LiveMeter,
}

impl Bench {
    fn new(machine: &Machine, batch: usize, widths: &[usize]) -> Result<Self, Error> {
        // With this learning rate, parameters stay as they are, however often they are updated.
        let layers = Widths(widths.to_vec());
        let mut settings = Settings::notebook();
        settings.network.layers = layers;
        settings.batching.batch = batch;
        settings.optimization.lr = 1e-9;
        settings.placement.fused = false;
        let network = settings.network.build()?;
        let samples = (0..batch * widths[0]).map(|index| (index * 37 % 101) as f32 / 101.0).collect();
        let split = Split::new(widths[0], Inputs::F32(samples), vec![0; batch])?;
        let data = Arc::new(Dataset {
            source: "numbers".into(),
            train: split.clone(),
            test: split,
            evaluated_on: EvaluatedOn::Test,
        });
        let task = task(&settings, &network, data.shape());
        let planned =
            machine.target().plan(settings.placement.strategy, &task, settings.placement.dataset)?;
        let mut initial = Initial::from(Parameters::normal(&network, settings.optimization.seed));
        let mut job = Job { task, data: &data, plan: &planned.plan, initial: &mut initial };
        let device = machine.open(&mut job, planned.footprint, &Ledger::new())?;
        let meter = LiveMeter::new(planned.plan.slots.len());
        Ok(Bench { plan: planned.plan, device, meter })
    }

    /// The first action of a step that is `wanted`, repeated until a pass is long enough.
    fn repeated(&mut self, wanted: impl Fn(&Action) -> bool) -> Result<Vec<Action>, Error> {
        let mut actions: Vec<_> =
            self.plan.step.iter().filter(|action| wanted(action)).take(1).cloned().collect();
        // The first pass may compile kernels.
        self.seconds(&actions)?;
        while self.seconds(&actions)? * (actions.len() as f64) < PASS_SECONDS {
            actions.extend_from_within(..);
        }
        Ok(actions)
    }

    /// Runs a pass of equal `actions` and returns the seconds per action.
    fn seconds(&mut self, actions: &[Action]) -> Result<f64, Error> {
        let started = Instant::now();
        let step_params = UpdateRule::of(Optimizer::Sgd).step_params(0, 0.1, 1.0, DropoutKey::new(0, 0));
        self.device.begin_pass(Pass::InOrder, 0, &[step_params])?;
        self.device.begin_batch(Accumulation::Whole)?;
        execute(&self.plan.chain, actions, self.device.as_mut(), &mut self.meter)?;
        self.device.end_batch()?;
        self.device.end_pass()?;
        Ok(started.elapsed().as_secs_f64() / actions.len() as f64)
    }
}
