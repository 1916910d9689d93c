//! Every kernel of every backend against the f64 reference: what each action of a plan reads is read back, and what
//! it writes is compared with what the reference makes of the same numbers.

mod common;
mod reference;

use std::sync::Arc;

use ckpt_gpu::config::DeviceChoice;
use ckpt_gpu::data::{Dataset, Inputs, Pass, Split};
use ckpt_gpu::device::{Accumulation, Device, Job, Task};
use ckpt_gpu::gpu::{AdapterKind, Context, Gpu};
use ckpt_gpu::memory::Ledger;
use ckpt_gpu::model::{Activation, Loss, Network, Optimizer, Parameters};
use ckpt_gpu::plan::{Action, Chain, Plan, PoolLimits};
use ckpt_gpu::strategy::Strategy;
use ckpt_gpu::train::Machine;
use common::Random;
use reference::{Reference, Shape, relative_error};

/// Relative to the norm of the answer. Sums of a few hundred f32 products stay well below.
const TOLERANCE: f64 = 2e-6;
const RATE: f32 = 4.0;

#[derive(Debug)]
struct Case {
    widths: &'static [usize],
    batch: usize,
    parts: usize,
}

/// Batches of two parts, of three, and of more.
const CASES_IN_PARTS: [Case; 5] = [
    Case { widths: &[5, 3, 2], batch: 2, parts: 2 },
    Case { widths: &[6, 16, 7, 4], batch: 39, parts: 3 },
    Case { widths: &[33, 17, 41, 10], batch: 65, parts: 5 },
    Case { widths: &[130, 67, 2], batch: 18, parts: 2 },
    Case { widths: &[28, 72, 5], batch: 7, parts: 7 },
];

/// Odd and even, narrower and wider than a block of eight and a workgroup of several, batch 1 and width 1.
const CASES: [Case; 7] = [
    Case { widths: &[1, 1], batch: 1, parts: 1 },
    Case { widths: &[5, 1, 3], batch: 3, parts: 1 },
    Case { widths: &[8, 4, 12], batch: 8, parts: 1 },
    Case { widths: &[6, 16, 7, 4], batch: 13, parts: 1 },
    Case { widths: &[33, 17, 41, 10], batch: 65, parts: 1 },
    Case { widths: &[130, 67, 2], batch: 9, parts: 1 },
    Case { widths: &[28, 200, 72, 5], batch: 34, parts: 1 },
];

fn every_kernel_agrees(device: DeviceChoice) {
    let mut random = Random::new(11);
    for case in &CASES {
        for activation in Activation::ALL {
            for (loss, bytes) in Loss::ALL.into_iter().zip([false, true]) {
                Bench::new(case, activation, loss, bytes, device, None, &mut random).run();
            }
        }
    }
}

fn gradients_add_up(device: DeviceChoice, workgroup: Option<[u32; 2]>) {
    let mut random = Random::new(17);
    for case in &CASES_IN_PARTS {
        for (loss, bytes) in Loss::ALL.into_iter().zip([false, true]) {
            let activation = Activation::ALL[random.below(Activation::ALL.len())];
            Bench::new(case, activation, loss, bytes, device, workgroup, &mut random).run();
        }
    }
}

#[test]
fn cpu_gradients_add_up_to_the_references() {
    gradients_add_up(DeviceChoice::Cpu, None);
}

#[test]
fn software_gradients_add_up_to_the_references() {
    gradients_add_up(DeviceChoice::Software, None);
}

#[test]
fn software_gradients_add_up_in_workgroups_for_hardware() {
    gradients_add_up(DeviceChoice::Software, Some([8, 8]));
}

#[test]
fn cpu_kernels_agree_with_the_reference() {
    every_kernel_agrees(DeviceChoice::Cpu);
}

#[test]
fn software_kernels_agree_with_the_reference() {
    every_kernel_agrees(DeviceChoice::Software);
}

/// The workgroup that hardware gets, which no software driver is given otherwise.
#[test]
fn software_kernels_agree_in_workgroups_for_hardware() {
    let mut random = Random::new(13);
    for case in &CASES {
        let (activation, loss, device) = (Activation::Tanh, Loss::Quadratic, DeviceChoice::Software);
        Bench::new(case, activation, loss, true, device, Some([8, 8]), &mut random).run();
    }
}

/// One network on one device, with the reference's twins of its settings.
struct Bench {
    name: String,
    network: Network,
    micro_batch: usize,
    parts: usize,
    plan: Plan,
    data: Arc<Dataset>,
    device: Box<dyn Device>,
    activations: Vec<reference::Activation>,
    loss: reference::Loss,
    /// By layer, what the reference makes of the parts of the batch so far.
    gradients: Vec<[Vec<f64>; 2]>,
}

impl Bench {
    fn new(
        case: &Case,
        activation: Activation,
        loss: Loss,
        bytes: bool,
        choice: DeviceChoice,
        workgroup: Option<[u32; 2]>,
        random: &mut Random,
    ) -> Self {
        let network = Network::new(case.widths, activation, loss).unwrap();
        let micro_batch = case.batch / case.parts;
        let chain = Chain::of(&network, micro_batch).unwrap();
        let plan = Strategy::EveryN(2).plan(&chain, PoolLimits::default(), 0).unwrap();
        let data = Arc::new(random_data(&network, case, bytes, random));
        let parameters = random.parameters(&network);
        let task = Task {
            network: &network,
            micro_batch,
            parts: case.parts,
            optimizer: Optimizer::Sgd,
            rate: RATE,
            data: data.shape(),
            timed: false,
        };
        let dataset_on_device = choice != DeviceChoice::Cpu;
        let job = Job { task, data: &data, plan: &plan, dataset_on_device, parameters: &parameters };
        let ledger = Ledger::new();
        let device: Box<dyn Device> = match workgroup {
            None => Machine::find(choice).unwrap().0.open(&job, 0, &ledger).unwrap(),
            Some(workgroup) => {
                let context = Context::open(AdapterKind::Software).unwrap().with_workgroup(workgroup);
                Box::new(Gpu::new(context, &job).unwrap())
            }
        };
        Bench {
            name: format!("{choice:?} {activation:?} {loss:?} {case:?}"),
            activations: network.layers().map(|layer| twin(layer.activation)).collect(),
            loss: reference::Loss::parse(loss.name()).unwrap(),
            micro_batch,
            parts: case.parts,
            gradients: vec![Default::default(); plan.chain.layers()],
            network,
            plan,
            data,
            device,
        }
    }

    fn run(&mut self) {
        let order: Vec<u32> = (0..self.data.train.len() as u32).rev().collect();
        self.device.begin_pass(Pass::Shuffled(&order)).unwrap();
        let mut losses = 0.0;
        for batch in order.chunks_exact(self.parts * self.micro_batch).take(2) {
            let before = self.device.parameters().unwrap();
            for (part, rows) in batch.chunks(self.micro_batch).enumerate() {
                self.device.begin_batch(Accumulation::of(part, self.parts)).unwrap();
                self.check_gather(self.data.train.clone(), rows);
                for action in self.plan.step.clone() {
                    losses += self.check(action, rows, part);
                }
                self.device.end_batch().unwrap();
            }
            if self.parts > 1 {
                self.check_step(&before, batch);
            }
        }
        let metrics = self.device.end_pass().unwrap();
        assert_eq!(metrics.batches as usize, 2 * self.parts, "{}", self.name);
        self.close("mean loss", &[metrics.loss], &[losses], TOLERANCE);
        self.check_evaluation();
    }

    /// From the parameters `before`, the whole batch `rows` must lead where the reference goes in one step.
    fn check_step(&mut self, before: &Parameters, rows: &[u32]) {
        let mut reference = Reference {
            widths: self.network.widths().to_vec(),
            activation: self.activations[0],
            loss: self.loss,
            weights: before.layers.iter().map(|layer| widen(&layer.weights)).collect(),
            biases: before.layers.iter().map(|layer| widen(&layer.bias)).collect(),
        };
        let inputs = widen(&self.inputs(&self.data.train, rows));
        let labels = reference::gather(1, self.data.train.labels(), rows);
        let gradients = reference.gradients(&inputs, &labels);
        reference.step(&inputs, &labels, RATE.into());
        let after = self.device.parameters().unwrap();
        for (index, layer) in after.layers.iter().enumerate() {
            let (weights, bias) = (&reference.weights[index], &reference.biases[index]);
            self.close_after("weights", &layer.weights, weights, &gradients.weights[index]);
            self.close_after("bias", &layer.bias, bias, &gradients.biases[index]);
        }
    }

    /// Two micro-batches, the second of them incomplete.
    fn check_evaluation(&mut self) {
        let samples = self.data.test.len();
        let rows: Vec<u32> = (0..2 * self.micro_batch).map(|row| row.min(samples - 1) as u32).collect();
        self.device.begin_pass(Pass::Test).unwrap();
        let mut expected = 0;
        for (index, rows) in rows.chunks(self.micro_batch).enumerate() {
            self.device.begin_batch(Accumulation::Whole).unwrap();
            self.check_gather(self.data.test.clone(), rows);
            for action in self.plan.evaluation.clone() {
                if let Action::Score { output } = action {
                    let classes = self.network.classes();
                    let output = self.read(output, classes);
                    let labels = reference::gather(1, self.data.test.labels(), rows);
                    let correct = reference::correct(rows.len(), classes, &output, &labels);
                    let fresh = rows.len().min(samples - index * self.micro_batch);
                    expected += correct[..fresh].iter().filter(|&&correct| correct).count();
                }
                self.check(action, rows, 0);
            }
            self.device.end_batch().unwrap();
        }
        assert_eq!(self.device.end_pass().unwrap().correct as usize, expected, "{}", self.name);
    }

    fn inputs(&self, split: &Split, rows: &[u32]) -> Vec<f32> {
        let features = self.network.features();
        match split.inputs() {
            Inputs::F32(values) => reference::gather(features, values, rows),
            Inputs::U8(values) => reference::gather(features, values, rows)
                .into_iter()
                .map(|byte| f32::from(byte) * (1.0 / 255.0))
                .collect(),
        }
    }

    fn check_gather(&mut self, split: Split, rows: &[u32]) {
        let expected = self.inputs(&split, rows);
        let found = self.read_raw(0, self.network.features());
        assert!(
            found.iter().zip(&expected).all(|(a, b)| a.to_bits() == b.to_bits()),
            "{}: gather",
            self.name
        );
    }

    /// Runs one action and compares what it wrote. Returns the micro-batch's share of the mean loss, for the loss
    /// action.
    fn check(&mut self, action: Action, rows: &[u32], part: usize) -> f64 {
        match action {
            Action::Forward { layer, input, output, .. } | Action::Recompute { layer, input, output } => {
                let shape = self.shape(layer);
                let state = self.read(input, shape.inputs);
                let (weights, bias) = self.parameters(layer);
                self.device.forward(layer, input, output).unwrap();
                let expected = reference::forward(shape, self.activations[layer], &state, &weights, &bias);
                let found = self.read_raw(output, shape.outputs);
                self.close("forward", &found, &expected, TOLERANCE);
            }
            Action::Loss { output, delta } => {
                let classes = self.network.classes();
                let state = self.read(output, classes);
                let labels = reference::gather(1, self.data.train.labels(), rows);
                self.device.loss(output, delta).unwrap();
                let activation = self.activations[self.activations.len() - 1];
                let (losses, mut expected) =
                    reference::loss(self.loss, activation, rows.len(), classes, &state, &labels);
                // The reference has divided by the micro-batch.
                expected.iter_mut().for_each(|delta| *delta /= self.parts as f64);
                let found = self.read_raw(delta, classes);
                self.close("loss delta", &found, &expected, TOLERANCE);
                return losses.iter().sum::<f64>() / (self.parts * rows.len()) as f64;
            }
            Action::Backward { layer, state, delta, below } => {
                self.check_backward(layer, state, delta, below, part);
            }
            Action::Score { output } => self.device.score(output).unwrap(),
            Action::Release { slot } => self.device.release(slot).unwrap(),
        }
        0.0
    }

    fn check_backward(
        &mut self,
        layer: usize,
        state: usize,
        delta: usize,
        below: Option<usize>,
        part: usize,
    ) {
        let shape = self.shape(layer);
        let states = self.read(state, shape.inputs);
        let deltas = self.read(delta, shape.outputs);
        let (weights, bias) = self.parameters(layer);
        self.device.backward(layer, state, delta, below).unwrap();

        if let Some(below) = below {
            let expected = reference::delta(shape, self.activations[layer - 1], &deltas, &weights, &states);
            let found = self.read_raw(below, shape.inputs);
            self.close("delta", &found, &expected, TOLERANCE);
        }
        let (weights_after, bias_after) = self.parameters(layer);
        if part == 0 {
            self.gradients[layer] = [vec![0.0; weights.len()], vec![0.0; bias.len()]];
        }
        let (weight_gradient, bias_gradient) = reference::weight_gradient(shape, &deltas, &states);
        for (sums, more) in self.gradients[layer].iter_mut().zip([weight_gradient, bias_gradient]) {
            sums.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
        }
        if part + 1 < self.parts {
            assert!(weights_after == weights && bias_after == bias, "{}: moved by part {part}", self.name);
            return;
        }
        for (name, before, after, gradient) in [
            ("weights", weights, weights_after, &self.gradients[layer][0]),
            ("bias", bias, bias_after, &self.gradients[layer][1]),
        ] {
            let mut expected = before;
            reference::update(&mut expected, gradient, RATE.into());
            self.close_after(name, &after, &expected, gradient);
        }
    }

    fn shape(&self, layer: usize) -> Shape {
        let layer = self.network.layer(layer);
        Shape { batch: self.micro_batch, inputs: layer.inputs, outputs: layer.outputs }
    }

    fn read(&mut self, slot: usize, width: usize) -> Vec<f64> {
        widen(&self.read_raw(slot, width))
    }

    fn read_raw(&mut self, slot: usize, width: usize) -> Vec<f32> {
        self.device.read_slot(slot, self.micro_batch * width).unwrap()
    }

    fn parameters(&mut self, layer: usize) -> (Vec<f64>, Vec<f64>) {
        let Parameters { mut layers } = self.device.parameters().unwrap();
        let layer = layers.swap_remove(layer);
        (widen(&layer.weights), widen(&layer.bias))
    }

    /// Parameters that `gradient` has moved to where they are expected.
    fn close_after<T: Copy + Into<f64>>(&self, what: &str, found: &[T], expected: &[f64], gradient: &[f64]) {
        // Whatever moves a parameter, the answer is rounded to the spacing of f32.
        let bound = TOLERANCE * f64::from(RATE) * norm(gradient) + f64::from(f32::EPSILON) * norm(expected);
        self.close(what, found, expected, bound / norm(expected));
    }

    fn close<T: Copy + Into<f64>>(&self, what: &str, found: &[T], expected: &[f64], tolerance: f64) {
        let error = relative_error(found, expected);
        assert!(error <= tolerance, "{}: {what} is off by {error:e}", self.name);
    }
}

fn norm(values: &[f64]) -> f64 {
    values.iter().map(|value| value * value).sum::<f64>().sqrt()
}

fn widen(values: &[f32]) -> Vec<f64> {
    values.iter().copied().map(f64::from).collect()
}

fn twin(activation: Activation) -> reference::Activation {
    reference::Activation::parse(activation.name()).unwrap()
}

/// Two mini-batches to learn from; a little more than one micro-batch to score.
fn random_data(network: &Network, case: &Case, bytes: bool, random: &mut Random) -> Dataset {
    let mut split = |samples: usize| {
        let count = samples * network.features();
        let inputs = match bytes {
            true => Inputs::U8((0..count).map(|_| random.below(256) as u8).collect()),
            false => Inputs::F32((0..count).map(|_| random.normal()).collect()),
        };
        let labels = (0..samples).map(|_| random.below(network.classes()) as u32).collect();
        Split::new(network.features(), inputs, labels).unwrap()
    };
    let micro_batch = case.batch / case.parts;
    let (train, test) = (split(2 * case.batch + 1), split(micro_batch + micro_batch.div_ceil(2)));
    Dataset { source: "random".into(), train, test }
}
