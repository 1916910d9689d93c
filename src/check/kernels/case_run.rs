use std::ops::Range;
use std::sync::Arc;

use super::case::Case;
use super::findings::{Findings, Subject};
use super::scale::{
    rate, scale_of_loss, scale_of_move, scale_of_tally, terms_of_delta, terms_of_gradients, terms_of_output,
};
use crate::check::random::Random;
use crate::check::reference::{self, Reference, Shape};
use crate::check::twin::{self, norm, widen};
use crate::data::{Dataset, EvaluatedOn, Inputs, Pass, Split};
use crate::device::{Accumulation, DatasetPlacement, Device, Division, Initial, Job, Task, Values, read_all};
use crate::execute::Work;
use crate::memory::Ledger;
use crate::model::{Dropout, DropoutKey, LayerParameters, Loss, Network, Optimizer, Parameters, UpdateRule};
use crate::plan::{Action, Layers, Op, Operand, Plan, Run, SlotId, Value};
use crate::strategy::Strategy;
use crate::train::{Machine, Planned};
use crate::{Error, Result, Setting};

/// Seed of the masks of dropout.
const SEED: u64 = 11;

/// One case on one device.
pub(super) struct CaseRun<'a> {
    case: &'a Case,
    findings: &'a mut Findings,
    network: Network,
    micro_batch: usize,
    plan: Plan,
    data: Arc<Dataset>,
    device: Box<dyn Device>,
    /// Inputs of the micro-batch, if the device holds none.
    inputs: Vec<f32>,
    /// Gives shapes and activations; current parameters are read from the device.
    reference: Reference,
    /// For each layer, the reference's accumulated gradients.
    gradients: Vec<reference::Parameters>,
}

impl<'a> CaseRun<'a> {
    pub fn new(machine: &Machine, case: &'a Case, seed: u64, findings: &'a mut Findings) -> Result<Self> {
        if case.parts == 0 || case.batch == 0 || !case.batch.is_multiple_of(case.parts) {
            let problem =
                format!("found {} parts of a batch of {}, expected a divisor", case.parts, case.batch);
            return Err(Error::usage(Setting::Case, problem));
        }
        let network = Network::new(&case.widths, case.activation, case.loss)?;
        let network = network.with_residual(case.residual).with_normalisation(case.normalisation)?;
        let network = network.with_dropout(Dropout::new(f32::from(case.dropout) / 100.0)?);
        let mut random = Random::new(seed);
        let micro_batch = case.batch / case.parts;
        // Two mini-batches to train on; a little more than one micro-batch to evaluate on.
        let data = Arc::new(Dataset {
            source: "random numbers".into(),
            train: random.split(&network, 2 * case.batch + 1, case.bytes, case.values)?,
            test: random.split(&network, micro_batch + micro_batch.div_ceil(2), case.bytes, case.values)?,
            evaluated_on: EvaluatedOn::Test,
        });
        let parameters = random.parameters(&network, 1.0);
        let task = Task {
            network: &network,
            micro_batch,
            parts: case.parts,
            rule: UpdateRule::of(Optimizer::Sgd),
            label_smoothing: 0.0,
            data: data.shape(),
            timed: false,
            fused: case.fused,
            chains: case.fused,
            observed: false,
            tuned: false,
            slices: None,
            division: Division::None,
            keeps_best: false,
        };
        let strategy = Strategy::EveryN(case.every);
        let planned = machine.target().plan(strategy, &task, DatasetPlacement::Auto)?;
        let Planned { plan, footprint, .. } = planned;
        findings.has_chains |= !plan.chain.row_bytes.is_empty();
        findings.has_dropout |= network.has_dropout();
        let reference = twin::reference(&network, &parameters)?;
        let mut initial = Initial::from(parameters);
        let mut job = Job { task, data: &data, plan: &plan, initial: &mut initial };
        let device = machine.open(&mut job, footprint, &Ledger::new())?;
        Ok(CaseRun {
            reference,
            gradients: vec![Default::default(); plan.chain.layers()],
            case,
            findings,
            network,
            micro_batch,
            plan,
            data,
            device,
            inputs: Vec::new(),
        })
    }

    fn parameters(&mut self) -> Result<Parameters> {
        read_all(self.device.as_mut(), Values::Parameters, &self.network)
    }

    pub fn run(mut self) -> Result<()> {
        let case = self.case;
        let order: Vec<u32> = (0..self.data.train.len() as u32).rev().collect();
        let of_step = |step| {
            let (divisor, key) = (case.batch as f32, DropoutKey::new(SEED, step));
            UpdateRule::of(Optimizer::Sgd).step_params(step, rate(case), divisor, key)
        };
        let step_params = [0, 1].map(of_step);
        self.device.begin_pass(Pass::Shuffled(&order), 0, &step_params)?;
        let mut losses = 0.0;
        for (turn, batch) in order.chunks_exact(case.batch).take(2).enumerate() {
            let before = self.parameters()?;
            for (part, rows) in batch.chunks(self.micro_batch).enumerate() {
                self.device.begin_batch(Accumulation::of(part, case.parts))?;
                let key = DropoutKey::new(SEED, turn as u64);
                self.reference.dropout = twin::dropout(&self.network, key, part * self.micro_batch);
                self.check_gather(self.data.train.clone(), rows)?;
                for run in self.plan.step.clone().iter().filter_map(Action::run) {
                    losses += self.check(run, rows, part)?;
                }
                self.device.end_batch()?;
            }
            if case.parts > 1 {
                self.check_step(&before, batch, turn)?;
            }
            self.check_metrics((turn + 1) * case.parts, losses)?;
        }
        self.reference.dropout = None;
        self.check_evaluation()
    }

    /// Checks the pass's metrics after a mini-batch: after the first, no wrong update has affected the loss. A GPU counts the
    /// batches on the host.
    fn check_metrics(&mut self, batches: usize, losses: f64) -> Result<()> {
        let (case, metrics) = (self.case, self.device.end_pass()?);
        if metrics.batches as usize == batches {
            let scale = scale_of_tally(self.reference.loss, losses);
            self.findings.compare(Subject::Tally, &[metrics.loss], &[losses], scale, || case.to_string());
        } else {
            let at = || format!("the count of batches, {}, of {case}", metrics.batches);
            self.findings.note(Subject::Tally, f64::INFINITY, at);
        }
        Ok(())
    }

    /// Checks that the mini-batch `rows` of this `turn` moves the parameters `before` to where one step of the reference moves them.
    fn check_step(&mut self, before: &Parameters, rows: &[u32], turn: usize) -> Result<()> {
        let case = self.case;
        let mut reference = twin::reference(&self.network, before)?;
        reference.dropout = twin::dropout(&self.network, DropoutKey::new(SEED, turn as u64), 0);
        let inputs = widen(&self.inputs(&self.data.train, rows));
        let targets = twin::targets(&self.data.train, self.network.outputs(), rows);
        let gradients = reference.gradients(&inputs, &targets);
        reference.step(&inputs, &targets, rate(case).into());
        let after = self.parameters()?;
        for (index, layer) in after.layers.iter().enumerate() {
            let moved = reference.parameters[index].tensors().into_iter().zip(gradients[index].tensors());
            let tensors = reference::Parameters::NAMES.into_iter().zip(layer.tensors()).zip(moved);
            for ((what, found), (expected, gradient)) in tensors.filter(|((_, found), _)| !found.is_empty()) {
                let at = || format!("{what} of layer {index} of {case}");
                let scale = scale_of_move(case, Subject::Step, gradient, expected);
                self.findings.compare(Subject::Step, found, expected, scale, at);
            }
        }
        Ok(())
    }

    /// Checks an evaluation of two micro-batches, the second incomplete.
    fn check_evaluation(&mut self) -> Result<()> {
        let samples = self.data.test.len();
        let case = self.case;
        let rows: Vec<u32> = (0..2 * self.micro_batch).map(|row| row.min(samples - 1) as u32).collect();
        self.device.begin_pass(Pass::Test, 0, &[])?;
        let (mut expected, mut losses) = (0, 0.0);
        for (index, rows) in rows.chunks(self.micro_batch).enumerate() {
            self.device.begin_batch(Accumulation::Whole)?;
            self.check_gather(self.data.test.clone(), rows)?;
            for run in self.plan.evaluation.clone().iter().filter_map(Action::run) {
                if let (Op::Score, [output]) = (run.op, &run.reads[..]) {
                    let classes = self.network.outputs();
                    let output = self.read(output.slot, classes)?;
                    let fresh = &rows[..rows.len().min(samples - index * self.micro_batch)];
                    let output = widen(&output[..fresh.len() * classes]);
                    let targets = twin::targets(&self.data.test, classes, fresh);
                    let store = self.reference.output_activation();
                    let kind = self.reference.loss;
                    let (terms, _) = reference::loss(kind, store, fresh.len(), classes, &output, &targets);
                    losses += terms.iter().sum::<f64>();
                    if !case.values || case.loss == Loss::CrossEntropy {
                        let labels = if case.values {
                            targets.chunks_exact(classes).map(likeliest).collect()
                        } else {
                            reference::gather(1, self.data.test.labels(), fresh)
                        };
                        let threshold = f64::from(case.loss.threshold());
                        let correct = reference::correct(fresh.len(), classes, threshold, &output, &labels);
                        expected += correct.iter().filter(|&&correct| correct).count();
                    }
                }
                self.check(run, rows, 0)?;
            }
            self.device.end_batch()?;
        }
        let metrics = self.device.end_pass()?;
        let (scale, at) =
            (scale_of_tally(self.reference.loss, losses), || format!("the test loss of {case}"));
        self.findings.compare(Subject::Tally, &[metrics.loss], &[losses], scale, at);
        let found = metrics.correct as usize;
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
            // Cases have no mapped inputs.
            Inputs::Mapped(_) => Vec::new(),
        }
    }

    /// Checks the inputs in memory, if they are gathered before layer 0 runs.
    fn check_gather(&mut self, split: Split, rows: &[u32]) -> Result<()> {
        let expected = self.inputs(&split, rows);
        if !self.device.holds_inputs() {
            self.inputs = expected;
            return Ok(());
        }
        let found = self.device.read_slot(0, expected.len())?;
        let differ = found.iter().zip(&expected).filter(|(a, b)| a.to_bits() != b.to_bits()).count();
        let case = self.case;
        self.findings.note(Subject::Gather, differ as f64, || case.to_string());
        Ok(())
    }

    /// Runs one action and checks what it writes. Returns the micro-batch's share of the mean loss for an action with the
    /// loss, else 0.
    ///
    /// What the action reads and writes is read after it has run: its operands are in different slots.
    fn check(&mut self, run: &Run, rows: &[u32], part: usize) -> Result<f64> {
        let work = Work::from(run);
        let Some(layers) = work.op.layers() else {
            self.device.run(work)?;
            return if work.op.has_loss() { self.check_loss(work, rows) } else { Ok(0.0) };
        };
        let before = self.parameters()?;
        self.device.run(work)?;
        if work.op.is_forward() {
            self.check_states(layers, work, &before)?;
        }
        let loss = if work.op.has_loss() { self.check_loss(work, rows)? } else { 0.0 };
        if work.op.is_backward() {
            self.check_backward(layers, work, part, &before)?;
        }
        Ok(loss)
    }

    /// Checks the states that `layers` write, from the first state that they read.
    fn check_states(&mut self, layers: Layers, work: Work, parameters: &Parameters) -> Result<()> {
        let case = self.case;
        let state = self.state(layers.first, work)?;
        let states = self.states(layers.range(), &state, parameters);
        for &Operand { value, slot } in work.writes {
            let Value::State(written) = value else { continue };
            let (layer, place) = (written - 1, written - 1 - layers.first);
            let found = self.read(slot, self.shape(layer).outputs)?;
            let input = place.checked_sub(1).map_or_else(|| widen(&state), |before| states[before].clone());
            let subject = self.of(Subject::Forward, layer);
            let scale =
                norm(&states[place]) + subject.rounding() * self.terms_of_output(layer, &input, parameters);
            let at = || format!("layer {layer} in {layers} of {case}");
            self.findings.compare(subject, &found, &states[place], scale, at);
        }
        Ok(())
    }

    /// Checks the last delta, from the outputs as the device has them. Returns the micro-batch's share of the mean loss.
    fn check_loss(&mut self, work: Work, rows: &[u32]) -> Result<f64> {
        let case = self.case;
        let (classes, last) = (self.network.outputs(), self.plan.chain.layers());
        let state = widen(&self.read(work.slot(Value::State(last))?, classes)?);
        let targets = twin::targets(&self.data.train, classes, rows);
        let store = self.reference.output_activation();
        let kind = self.reference.loss;
        let (losses, mut expected) = reference::loss(kind, store, rows.len(), classes, &state, &targets);
        let scale = scale_of_loss(kind, &expected, rows.len()) / case.parts as f64;
        // The reference divides by the samples of the micro-batch.
        for delta in &mut expected {
            *delta /= case.parts as f64;
        }
        let found = self.read(work.slot(Value::Delta(last - 1))?, classes)?;
        self.findings.compare(Subject::Loss, &found, &expected, scale, || case.to_string());
        Ok(losses.iter().sum::<f64>() / (case.parts * rows.len()) as f64)
    }

    /// Checks the delta below each of `layers`, from the states before them as the device has them, and their gradients.
    fn check_backward(&mut self, layers: Layers, work: Work, part: usize, before: &Parameters) -> Result<()> {
        let mut states = Vec::new();
        for layer in layers.range() {
            states.push(widen(&self.state(layer, work)?));
        }
        let delta = work.slot(Value::Delta(layers.last()))?;
        let mut delta = widen(&self.read(delta, self.shape(layers.last()).outputs)?);
        let after = self.parameters()?;

        for (layer, state) in layers.range().zip(states).rev() {
            let shape = self.shape(layer);
            let operations = self.reference.operations(layer);
            let parameters = twin::parameters(&before.layers[layer]);
            let operand = reference::operand(shape, &operations, &state, &parameters);
            let (weights, bias) = reference::weight_gradient(shape, &delta, &operand);
            let [gain, shift] = reference::norm_gradient(shape, &operations, &delta, &parameters, &state);
            let gradient = reference::Parameters { weights, bias, gain, shift };
            let terms = terms_of_gradients(shape, &operations, &delta, &operand, &parameters, &state);
            let moved = [&before.layers[layer], &after.layers[layer]];
            self.check_move(layer, part, gradient, terms, moved);
            let Some(lower) = layer.checked_sub(1) else { continue };
            let rounded = terms_of_delta(shape, &operations, &delta, &parameters, &state);
            let below = self.reference.operations(lower);
            let expected = reference::delta(shape, &operations, &below, &delta, &parameters, &state);
            let found = self.read(work.slot(Value::Delta(lower))?, shape.inputs)?;
            let (case, subject) = (self.case, self.of(Subject::Delta, layer));
            let scale = norm(&expected) + subject.rounding() * rounded;
            let at = || format!("layer {layer} in {layers} of {case}");
            self.findings.compare(subject, &found, &expected, scale, at);
            // So that each delta is judged by the work on its own layer.
            delta = widen(&found);
        }
        Ok(())
    }

    /// Checks how micro-batch `part`, with this `gradient`, updates the parameters of `layer`.
    fn check_move(
        &mut self,
        layer: usize,
        part: usize,
        gradient: reference::Parameters,
        terms: [f64; reference::Parameters::TENSORS],
        [before, after]: [&LayerParameters; 2],
    ) {
        let case = self.case;
        if part == 0 {
            self.gradients[layer] = gradient;
        } else {
            for (sums, more) in self.gradients[layer].tensors_mut().into_iter().zip(gradient.tensors()) {
                sums.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
            }
        }
        if part + 1 < case.parts {
            let mut tensors = after.tensors().into_iter().zip(before.tensors());
            if !tensors.all(|(after, before)| same_bits(after, before)) {
                let at = || format!("layer {layer}, moved by part {part}, of {case}");
                let subject = self.of(Subject::Accumulate, layer);
                self.findings.note(subject, f64::INFINITY, at);
            }
            return;
        }
        let subject = if case.parts == 1 { Subject::Update } else { Subject::Accumulate };
        let subject = self.of(subject, layer);
        let moved = before.tensors().into_iter().zip(after.tensors());
        let gradients = self.gradients[layer].tensors().into_iter().zip(terms);
        let tensors = reference::Parameters::NAMES.into_iter().zip(moved).zip(gradients);
        // One that the layer does not have would pass.
        for ((what, (before, after)), (gradient, terms)) in
            tensors.filter(|(_, (gradient, _))| !gradient.is_empty())
        {
            let mut expected = widen(before);
            reference::update(&mut expected, gradient, rate(case).into());
            let at = || format!("{what} of layer {layer} of {case}");
            let scale = scale_of_move(case, subject, gradient, &expected)
                + f64::from(rate(case)) * subject.rounding() * terms;
            self.findings.compare(subject, after, &expected, scale, at);
        }
    }

    /// The reference's states after each of `layers`, from `state`, the input of the first.
    fn states(&self, layers: Range<usize>, state: &[f32], parameters: &Parameters) -> Vec<Vec<f64>> {
        let mut states: Vec<Vec<f64>> = Vec::new();
        for layer in layers {
            let parameters = twin::parameters(&parameters.layers[layer]);
            let operations = self.reference.operations(layer);
            let input = states.last().cloned().unwrap_or_else(|| widen(state));
            let shape = self.shape(layer);
            states.push(reference::forward(shape, &operations, &input, &parameters));
        }
        states
    }

    /// Scale of the rounding of the output of `layer`, from its input `state`.
    fn terms_of_output(&self, layer: usize, state: &[f64], parameters: &Parameters) -> f64 {
        let (operations, parameters) =
            (self.reference.operations(layer), twin::parameters(&parameters.layers[layer]));
        terms_of_output(self.shape(layer), &operations, state, &parameters)
    }

    /// `subject`, or its counterpart for fused layers if `layer` is one, or for layers that drop values.
    fn of(&self, subject: Subject, layer: usize) -> Subject {
        if self.network.layer(layer).dropout().is_some() {
            return Subject::Dropout;
        }
        let is_fused = self.plan.chain.row_bytes.get(layer).is_some_and(|&bytes| bytes > 0);
        if is_fused { subject.of_chain() } else { subject }
    }

    fn shape(&self, layer: usize) -> Shape {
        self.reference.shape(layer, self.micro_batch)
    }

    /// The state that `layer` reads.
    fn state(&mut self, layer: usize, work: Work) -> Result<Vec<f32>> {
        if layer == 0 && !self.device.holds_inputs() {
            return Ok(self.inputs.clone());
        }
        self.read(work.slot(Value::State(layer))?, self.shape(layer).inputs)
    }

    fn read(&mut self, slot: SlotId, width: usize) -> Result<Vec<f32>> {
        self.device.read_slot(slot, self.micro_batch * width)
    }
}

fn same_bits(a: &[f32], b: &[f32]) -> bool {
    a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
}

/// The first of the largest of `probabilities`.
fn likeliest(probabilities: &[f64]) -> u32 {
    let largest = probabilities.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    probabilities.iter().position(|&probability| probability == largest).unwrap_or(0) as u32
}
