use std::sync::Arc;
use std::time::{Duration, Instant};

use super::timed::Timed;
use super::{Machine, MemoryReport, Planned, Verifier};
use crate::config::Settings;
use crate::data::{Dataset, DatasetShape, Pass, shuffle};
use crate::device::{Accumulation, Device, DeviceInfo, Job, Span, Task};
use crate::execute::execute;
use crate::memory::{ByCategory, Ledger, LiveMeter};
use crate::model::{Network, Parameters};
use crate::plan::{Plan, interval_memory};
use crate::strategy::Strategy;
use crate::{Error, Result};

/// A network in training.
pub struct Trainer {
    settings: Settings,
    network: Network,
    strategy: Strategy,
    plan: Plan,
    planned: ByCategory,
    ledger: Ledger,
    device: Box<dyn Device>,
    passed_over: Option<Error>,
    data: Arc<Dataset>,
    order: Vec<u32>,
    step_meter: LiveMeter,
    evaluation_meter: LiveMeter,
    epoch: usize,
    steps: u64,
    training_time: Duration,
    made_by_first_step: Option<Made>,
    laps: Vec<Vec<Span>>,
    /// Where the settings ask for one.
    verifier: Option<Verifier>,
}

/// What came of one epoch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Epoch {
    /// Counted from 0.
    pub index: usize,
    /// The mean loss over the epoch's mini-batches, each at the parameters of its step.
    pub loss: f32,
    /// The share of the test split that is predicted right afterwards.
    pub accuracy: f64,
}

#[derive(Clone, Copy)]
struct Made {
    allocations: u64,
    objects: u64,
}

impl Trainer {
    /// Plans, replays the plan, opens a device, and allocates everything that training needs.
    ///
    /// # Errors
    /// [`Error::Usage`] for settings that do not fit the data or each other, [`Error::NoDevice`] and
    /// [`Error::DoesNotFit`] where the device is missing or too small.
    pub fn new(settings: &Settings, data: &Arc<Dataset>, parameters: &Parameters) -> Result<Self> {
        settings.validate()?;
        let (machine, passed_over) = Machine::find(settings.device)?;
        Ok(Trainer { passed_over, ..Trainer::on(&machine, settings, data, parameters)? })
    }

    /// As [`Trainer::new`], on a machine that was found before, whatever the settings say of it.
    ///
    /// # Errors
    /// As [`Trainer::new`].
    pub fn on(
        machine: &Machine,
        settings: &Settings,
        data: &Arc<Dataset>,
        parameters: &Parameters,
    ) -> Result<Self> {
        settings.validate()?;
        let network = settings.network()?;
        check_fit(settings, &network, data, parameters)?;
        let ledger = Ledger::new();
        let task = machine.target().able(&task(settings, &network, data.shape()));
        let planned = machine.target().plan(settings.strategy, &task, settings.dataset)?;
        let (bytes, Planned { strategy, plan, dataset_on_device, .. }) = (planned.bytes(), planned);
        let job = Job { task, data, plan: &plan, dataset_on_device, parameters };
        let device = machine.open(&job, bytes.total(), &ledger)?;
        let verifier =
            settings.verify_recompute.then(|| Verifier::new(&network, settings.micro_batch(), &plan));
        Ok(Trainer {
            settings: settings.clone(),
            planned: bytes,
            ledger,
            device,
            passed_over: None,
            data: Arc::clone(data),
            order: Vec::new(),
            step_meter: LiveMeter::new(plan.slots.len()),
            evaluation_meter: LiveMeter::new(plan.slots.len()),
            network,
            strategy,
            plan,
            epoch: 0,
            steps: 0,
            training_time: Duration::ZERO,
            made_by_first_step: None,
            laps: Vec::new(),
            verifier,
        })
    }

    /// How it was planned.
    pub fn strategy(&self) -> Strategy {
        self.strategy
    }

    /// What a step does to each of its micro-batches.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// What is trained.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Bytes of all buffers by category, as planned.
    pub fn planned(&self) -> &ByCategory {
        &self.planned
    }

    /// Samples in a micro-batch.
    pub fn micro_batch(&self) -> usize {
        self.settings.micro_batch()
    }

    /// Micro-batches in a mini-batch.
    pub fn parts(&self) -> usize {
        self.settings.batch / self.settings.micro_batch()
    }

    /// What it trains on.
    pub fn device(&self) -> DeviceInfo {
        self.device.info()
    }

    /// Why [`crate::config::DeviceChoice::Auto`] took the CPU, where it did.
    pub fn passed_over(&self) -> Option<&Error> {
        self.passed_over.as_ref()
    }

    /// Steps made so far.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Steps in an epoch; the incomplete last mini-batch is dropped.
    pub fn steps_per_epoch(&self) -> u64 {
        (self.data.train.len() / self.settings.batch) as u64
    }

    /// Steps that the settings ask for.
    pub fn total_steps(&self) -> u64 {
        self.settings.steps.unwrap_or((self.settings.epochs as u64).saturating_mul(self.steps_per_epoch()))
    }

    /// Wall time of these steps; evaluations are left out.
    pub fn training_time(&self) -> Duration {
        self.training_time
    }

    /// Whether the settings ask for no more steps.
    pub fn is_done(&self) -> bool {
        self.steps >= self.total_steps()
    }

    /// Trains for one epoch, or until the settings' steps are made, then scores the test split.
    ///
    /// `on_step` is told the number of steps made so far, after each; these may still be under way.
    ///
    /// # Errors
    /// [`Error::Diverged`] where the loss is no longer a number, [`Error::DeviceLost`], [`Error::RecomputeDiffers`]
    /// where the settings have recomputation verified, and [`Error::Usage`] where no step is left to make.
    pub fn epoch(&mut self, on_step: impl FnMut(u64)) -> Result<Epoch> {
        let index = self.epoch;
        let steps = self.steps_per_epoch().min(self.total_steps().saturating_sub(self.steps));
        let loss = self.train(steps, on_step)?;
        Ok(Epoch { index, loss, accuracy: self.evaluate()? })
    }

    /// Makes `steps` steps, as many as an epoch has at most, in the next epoch's order, and returns the mean loss.
    ///
    /// # Errors
    /// As [`Trainer::epoch`].
    pub fn train(&mut self, steps: u64, mut on_step: impl FnMut(u64)) -> Result<f32> {
        if steps == 0 {
            return Err(Error::usage("--steps", "found no step left to make, expected at least 1"));
        }
        let epoch = self.epoch;
        let pass = if self.settings.shuffle {
            let samples = self.data.train.len() as u32;
            shuffle(self.settings.seed, epoch as u64, samples, &mut self.order);
            Pass::Shuffled(&self.order)
        } else {
            Pass::InOrder
        };
        let started = Instant::now();
        self.device.begin_pass(pass)?;
        for _ in 0..steps.min(self.steps_per_epoch()) {
            self.step()?;
            on_step(self.steps);
        }
        self.epoch += 1;
        let metrics = self.device.end_pass()?;
        self.training_time += started.elapsed();
        let loss = metrics.loss / (metrics.batches / self.parts() as u32) as f32;
        if !loss.is_finite() {
            return Err(Error::Diverged { epoch, problem: format!("the mean loss is {loss}") });
        }
        Ok(loss)
    }

    /// The share of the test split that is predicted right.
    ///
    /// # Errors
    /// [`Error::DeviceLost`]
    pub fn evaluate(&mut self) -> Result<f64> {
        let samples = self.data.test.len();
        self.device.begin_pass(Pass::Test)?;
        for _ in 0..samples.div_ceil(self.micro_batch()) {
            self.device.begin_batch(Accumulation::Whole)?;
            let actions = &self.plan.evaluation;
            execute(&self.plan.chain, actions, self.device.as_mut(), &mut self.evaluation_meter)?;
            self.device.end_batch()?;
        }
        Ok(f64::from(self.device.end_pass()?.correct) / samples as f64)
    }

    /// The parameters as they are now.
    ///
    /// # Errors
    /// [`Error::Diverged`] where one is no longer a number: a loss is taken before its step's update, so the last
    /// update is seen only here. [`Error::DeviceLost`].
    pub fn parameters(&mut self) -> Result<Parameters> {
        let parameters = self.device.parameters()?;
        match parameters.first_not_finite() {
            None => Ok(parameters),
            Some((layer, value)) => Err(Error::Diverged {
                epoch: self.epoch.saturating_sub(1),
                problem: format!("layer {layer} has a parameter that is {value}"),
            }),
        }
    }

    /// When each action of the last step ran that is no release, micro-batch by micro-batch. Empty before the last
    /// step, unless the settings ask for it, and where the device has no clock.
    pub fn laps(&self) -> &[Vec<Span>] {
        &self.laps
    }

    /// What compares recomputed states with their first making, where the settings ask for it.
    pub fn verifier(&self) -> Option<&Verifier> {
        self.verifier.as_ref()
    }

    /// Planned, counted and driver's bytes.
    pub fn memory(&self) -> MemoryReport {
        let now = self.made();
        let first = self.made_by_first_step.unwrap_or(now);
        MemoryReport {
            planned: self.planned,
            counted: self.ledger.at_peak(),
            planned_intervals: interval_memory(&self.plan, &self.plan.prediction.step_live),
            counted_intervals: interval_memory(&self.plan, self.step_meter.trace()),
            planned_live: self.plan.prediction.step_live.clone(),
            counted_live: self.step_meter.trace().to_vec(),
            events: self.ledger.events(),
            allocations_after_first_step: now.allocations - first.allocations,
            objects_after_first_step: now.objects - first.objects,
            driver: self.device.driver_memory(),
        }
    }

    fn step(&mut self) -> Result<()> {
        let parts = self.parts();
        for part in 0..parts {
            self.device.begin_batch(Accumulation::of(part, parts))?;
            self.run_actions(part)?;
            self.device.end_batch()?;
        }
        self.steps += 1;
        if self.made_by_first_step.is_none() {
            self.made_by_first_step = Some(self.made());
        }
        Ok(())
    }

    /// The actions of micro-batch `part`, watched or timed where the settings ask for it.
    fn run_actions(&mut self, part: usize) -> Result<()> {
        let is_timed = self.settings.timed && self.steps + 1 == self.total_steps();
        let (device, meter) = (self.device.as_mut(), &mut self.step_meter);
        let Plan { chain, step, .. } = &self.plan;
        if let Some(verifier) = &mut self.verifier {
            return execute(chain, step, &mut verifier.watch(device, self.steps, part), meter);
        }
        if !(is_timed && device.start_laps()?) {
            return execute(chain, step, device, meter);
        }
        execute(chain, step, &mut Timed(device), meter)?;
        self.laps.push(device.finish_laps()?);
        Ok(())
    }

    fn made(&self) -> Made {
        Made { allocations: self.ledger.allocations(), objects: self.device.objects_made() }
    }
}

/// What `settings` train, on `data`.
pub fn task<'a>(settings: &Settings, network: &'a Network, data: DatasetShape) -> Task<'a> {
    Task {
        network,
        micro_batch: settings.micro_batch(),
        parts: settings.batch / settings.micro_batch(),
        optimizer: settings.optimizer,
        rate: settings.lr,
        data,
        timed: settings.timed,
        fused: settings.fused,
        observed: settings.verify_recompute,
        tuned: settings.tuned,
    }
}

fn check_fit(settings: &Settings, network: &Network, data: &Dataset, parameters: &Parameters) -> Result<()> {
    data.check(network.features(), network.classes())?;
    settings.check_batch(data.train.len())?;
    if !parameters.fit(network) {
        return Err(Error::usage("--init", "the parameters are not of the network's shapes"));
    }
    Ok(())
}
