use std::sync::Arc;

use super::case::Case;
use super::findings::{Findings, Subject};
use crate::check::random::Random;
use crate::check::reference::{self, Reference, Shape};
use crate::check::twin::{self, norm, widen};
use crate::data::{Dataset, Inputs, Pass, Split};
use crate::device::{Accumulation, Device, Job, Task};
use crate::memory::Ledger;
use crate::model::{Network, Optimizer, Parameters};
use crate::plan::{Action, Chain, Plan, SlotId};
use crate::strategy::Strategy;
use crate::train::{Machine, Target};
use crate::{Error, Result};

const RATE: f32 = 4.0;

/// One case on one device.
pub(super) struct Bench<'a> {
    case: &'a Case,
    findings: &'a mut Findings,
    network: Network,
    micro_batch: usize,
    plan: Plan,
    data: Arc<Dataset>,
    device: Box<dyn Device>,
    /// For shapes and activations; the parameters at hand are the device's.
    reference: Reference,
    /// By layer, what the reference makes of the parts of the batch so far.
    gradients: Vec<[Vec<f64>; 2]>,
}

impl<'a> Bench<'a> {
    pub fn new(machine: &Machine, case: &'a Case, seed: u64, findings: &'a mut Findings) -> Result<Self> {
        if case.parts == 0 || case.batch == 0 || !case.batch.is_multiple_of(case.parts) {
            let problem =
                format!("found {} parts of a batch of {}, expected a divisor", case.parts, case.batch);
            return Err(Error::usage("case", problem));
        }
        let network = Network::new(&case.widths, case.activation, case.loss)?;
        let mut random = Random::new(seed);
        let micro_batch = case.batch / case.parts;
        let chain = Chain::of(&network, micro_batch)?;
        let plan = Strategy::EveryN(2).plan(&chain, machine.target().pool_limits(), 0)?;
        // Two mini-batches to learn from; a little more than one micro-batch to score.
        let data = Arc::new(Dataset {
            source: "random numbers".into(),
            train: random.split(&network, 2 * case.batch + 1, case.bytes)?,
            test: random.split(&network, micro_batch + micro_batch.div_ceil(2), case.bytes)?,
        });
        let parameters = random.parameters(&network, 1.0);
        let task = Task {
            network: &network,
            micro_batch,
            parts: case.parts,
            optimizer: Optimizer::Sgd,
            rate: RATE,
            data: data.shape(),
            timed: false,
        };
        let dataset_on_device = machine.target() != Target::Cpu;
        let job = Job { task, data: &data, plan: &plan, dataset_on_device, parameters: &parameters };
        let device = machine.open(&job, plan.pool_bytes(), &Ledger::new())?;
        Ok(Bench {
            reference: twin::reference(&network, case.activation, &parameters),
            gradients: vec![Default::default(); plan.chain.layers()],
            case,
            findings,
            network,
            micro_batch,
            plan,
            data,
            device,
        })
    }

    pub fn run(mut self) -> Result<()> {
        let case = self.case;
        let order: Vec<u32> = (0..self.data.train.len() as u32).rev().collect();
        self.device.begin_pass(Pass::Shuffled(&order))?;
        let mut losses = 0.0;
        for (turn, batch) in order.chunks_exact(case.batch).take(2).enumerate() {
            let before = self.device.parameters()?;
            for (part, rows) in batch.chunks(self.micro_batch).enumerate() {
                self.device.begin_batch(Accumulation::of(part, case.parts))?;
                self.check_gather(self.data.train.clone(), rows)?;
                for action in self.plan.step.clone() {
                    losses += self.check(action, rows, part)?;
                }
                self.device.end_batch()?;
            }
            if case.parts > 1 {
                self.check_step(&before, batch)?;
            }
            self.check_metrics((turn + 1) * case.parts, losses)?;
        }
        self.check_evaluation()
    }

    /// What the pass has added up so far, after each mini-batch: after the first, no parameter has been moved wrongly
    /// that the loss depends on.
    fn check_metrics(&mut self, batches: usize, losses: f64) -> Result<()> {
        let (case, metrics) = (self.case, self.device.end_pass()?);
        if metrics.batches as usize == batches {
            self.findings.compare(Subject::Tally, &[metrics.loss], &[losses], || case.to_string());
        } else {
            let at = || format!("the count of batches, {}, of {case}", metrics.batches);
            self.findings.note(Subject::Tally, f64::INFINITY, at);
        }
        Ok(())
    }

    /// From the parameters `before`, the whole batch `rows` must lead where the reference goes in one step.
    fn check_step(&mut self, before: &Parameters, rows: &[u32]) -> Result<()> {
        let case = self.case;
        let mut reference = twin::reference(&self.network, case.activation, before);
        let inputs = widen(&self.inputs(&self.data.train, rows));
        let labels = reference::gather(1, self.data.train.labels(), rows);
        let gradients = reference.gradients(&inputs, &labels);
        reference.step(&inputs, &labels, RATE.into());
        let after = self.device.parameters()?;
        for (index, layer) in after.layers.iter().enumerate() {
            for (what, found, expected, gradient) in [
                ("weights", &layer.weights, &reference.weights[index], &gradients.weights[index]),
                ("bias", &layer.bias, &reference.biases[index], &gradients.biases[index]),
            ] {
                let at = || format!("{what} of layer {index} of {case}");
                let scale = scale_of_move(Subject::Step, gradient, expected);
                self.findings.compare_scaled(Subject::Step, found, expected, scale, at);
            }
        }
        Ok(())
    }

    /// Two micro-batches, the second of them incomplete.
    fn check_evaluation(&mut self) -> Result<()> {
        let samples = self.data.test.len();
        let rows: Vec<u32> = (0..2 * self.micro_batch).map(|row| row.min(samples - 1) as u32).collect();
        self.device.begin_pass(Pass::Test)?;
        let mut expected = 0;
        for (index, rows) in rows.chunks(self.micro_batch).enumerate() {
            self.device.begin_batch(Accumulation::Whole)?;
            self.check_gather(self.data.test.clone(), rows)?;
            for action in self.plan.evaluation.clone() {
                if let Action::Score { output } = action {
                    let classes = self.network.classes();
                    let output = self.read(output, classes)?;
                    let labels = reference::gather(1, self.data.test.labels(), rows);
                    let correct = reference::correct(rows.len(), classes, &widen(&output), &labels);
                    let fresh = rows.len().min(samples - index * self.micro_batch);
                    expected += correct[..fresh].iter().filter(|&&correct| correct).count();
                }
                self.check(action, rows, 0)?;
            }
            self.device.end_batch()?;
        }
        let found = self.device.end_pass()?.correct as usize;
        let case = self.case;
        self.findings.note(Subject::Score, found.abs_diff(expected) as f64, || {
            format!("{case}: {found} correct, expected {expected}")
        });
        Ok(())
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

    fn check_gather(&mut self, split: Split, rows: &[u32]) -> Result<()> {
        let expected = self.inputs(&split, rows);
        let found = self.read(0, self.network.features())?;
        let differ = found.iter().zip(&expected).filter(|(a, b)| a.to_bits() != b.to_bits()).count();
        let case = self.case;
        self.findings.note(Subject::Gather, differ as f64, || case.to_string());
        Ok(())
    }

    /// Runs one action and compares what it wrote. Returns the micro-batch's share of the mean loss, for the loss
    /// action.
    fn check(&mut self, action: Action, rows: &[u32], part: usize) -> Result<f64> {
        let case = self.case;
        match action {
            Action::Forward { layer, input, output, .. } | Action::Recompute { layer, input, output } => {
                let shape = self.shape(layer);
                let state = self.read(input, shape.inputs)?;
                let (weights, bias) = self.parameters(layer)?;
                self.device.forward(layer, input, output)?;
                let activation = self.reference.activation_of(layer);
                let expected =
                    reference::forward(shape, activation, &widen(&state), &widen(&weights), &widen(&bias));
                let found = self.read(output, shape.outputs)?;
                let at = || format!("layer {layer} of {case}");
                self.findings.compare(Subject::Forward, &found, &expected, at);
            }
            Action::Loss { output, delta } => {
                let classes = self.network.classes();
                let state = widen(&self.read(output, classes)?);
                let labels = reference::gather(1, self.data.train.labels(), rows);
                self.device.loss(output, delta)?;
                let activation = self.reference.activation_of(self.reference.layers() - 1);
                let kind = self.reference.loss;
                let (losses, mut expected) =
                    reference::loss(kind, activation, rows.len(), classes, &state, &labels);
                let scale = scale_of_loss(kind, &expected, &labels) / case.parts as f64;
                // The reference has divided by the micro-batch.
                expected.iter_mut().for_each(|delta| *delta /= case.parts as f64);
                let found = self.read(delta, classes)?;
                self.findings.compare_scaled(Subject::Loss, &found, &expected, scale, || case.to_string());
                return Ok(losses.iter().sum::<f64>() / (case.parts * rows.len()) as f64);
            }
            Action::Backward { layer, state, delta, below } => {
                self.check_backward(layer, state, delta, below, part)?;
            }
            Action::Score { output } => self.device.score(output)?,
            Action::Release { slot } => self.device.release(slot)?,
        }
        Ok(0.0)
    }

    fn check_backward(
        &mut self,
        layer: usize,
        state: SlotId,
        delta: SlotId,
        below: Option<SlotId>,
        part: usize,
    ) -> Result<()> {
        let (case, shape) = (self.case, self.shape(layer));
        let states = widen(&self.read(state, shape.inputs)?);
        let deltas = widen(&self.read(delta, shape.outputs)?);
        let (weights, bias) = self.parameters(layer)?;
        self.device.backward(layer, state, delta, below)?;

        if let Some(below) = below {
            let activation = self.reference.activation_of(layer - 1);
            let expected = reference::delta(shape, activation, &deltas, &widen(&weights), &states);
            let found = self.read(below, shape.inputs)?;
            self.findings.compare(Subject::Delta, &found, &expected, || format!("layer {layer} of {case}"));
        }
        let (weights_after, bias_after) = self.parameters(layer)?;
        if part == 0 {
            self.gradients[layer] = [vec![0.0; weights.len()], vec![0.0; bias.len()]];
        }
        let (weight_gradient, bias_gradient) = reference::weight_gradient(shape, &deltas, &states);
        for (sums, more) in self.gradients[layer].iter_mut().zip([weight_gradient, bias_gradient]) {
            sums.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
        }
        if part + 1 < case.parts {
            if !(same_bits(&weights_after, &weights) && same_bits(&bias_after, &bias)) {
                let at = || format!("layer {layer}, moved by part {part}, of {case}");
                self.findings.note(Subject::Accumulate, f64::INFINITY, at);
            }
            return Ok(());
        }
        let subject = if case.parts == 1 { Subject::Update } else { Subject::Accumulate };
        for (what, before, after, gradient) in [
            ("weights", weights, weights_after, &self.gradients[layer][0]),
            ("bias", bias, bias_after, &self.gradients[layer][1]),
        ] {
            let mut expected = widen(&before);
            reference::update(&mut expected, gradient, RATE.into());
            let at = || format!("{what} of layer {layer} of {case}");
            let scale = scale_of_move(subject, gradient, &expected);
            self.findings.compare_scaled(subject, &after, &expected, scale, at);
        }
        Ok(())
    }

    fn shape(&self, layer: usize) -> Shape {
        self.reference.shape(layer, self.micro_batch)
    }

    fn read(&mut self, slot: SlotId, width: usize) -> Result<Vec<f32>> {
        self.device.read_slot(slot, self.micro_batch * width)
    }

    fn parameters(&mut self, layer: usize) -> Result<(Vec<f32>, Vec<f32>)> {
        let Parameters { mut layers } = self.device.parameters()?;
        let layer = layers.swap_remove(layer);
        Ok((layer.weights, layer.bias))
    }
}

/// Whatever moves a parameter, the answer is rounded to f32.
fn scale_of_move(subject: Subject, gradient: &[f64], expected: &[f64]) -> f64 {
    f64::from(RATE) * norm(gradient) + subject.rounding() * norm(expected)
}

/// Of the last layer's delta, already divided by the batch: under cross-entropy a probability less the one-hot label,
/// which may be almost all of it. What is left keeps the probability's rounding; WGSL allows a quotient 2.5 units in the
/// last place, so there is room for 4.
fn scale_of_loss(kind: reference::Loss, delta: &[f64], labels: &[u32]) -> f64 {
    let rounded = match kind {
        reference::Loss::Quadratic => 0.0,
        reference::Loss::CrossEntropy => (labels.len() as f64).sqrt() / labels.len() as f64,
    };
    norm(delta) + 4.0 * Subject::Loss.rounding() * rounded
}

fn same_bits(a: &[f32], b: &[f32]) -> bool {
    a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
}
