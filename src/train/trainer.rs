use std::sync::Arc;
use std::time::{Duration, Instant};

use super::start::{Epoch, Evaluation, LossSum, Start};
use super::timed::Timed;
use super::{Machine, MemoryReport, Planned, Target, Verifier};
use crate::config::Settings;
use crate::data::{Dataset, DatasetShape, Pass, Targets, shuffle};
use crate::device::{Accumulation, Device, DeviceInfo, Job, Span, Task};
use crate::execute::execute;
use crate::memory::{ByCategory, Ledger, LiveMeter};
use crate::model::{Network, Pace, Parameters};
use crate::plan::{Plan, interval_memory};
use crate::snapshot::Snapshot;
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
    target: Target,
    data: Arc<Dataset>,
    order: Vec<u32>,
    step_meter: LiveMeter,
    evaluation_meter: LiveMeter,
    steps: u64,
    /// Of the epoch at hand.
    losses: LossSum,
    paces: Vec<Pace>,
    /// The epoch that the order and the paces are those of.
    prepared: Option<u64>,
    training_time: Duration,
    made_by_first_step: Option<Made>,
    laps: Vec<Vec<Span>>,
    /// Where the settings ask for one.
    verifier: Option<Verifier>,
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
        Self::starting(settings, data, Start::at(parameters))
    }

    /// As [`Trainer::new`], from any `start`: as [`Trainer::on`].
    ///
    /// # Errors
    /// As [`Trainer::new`].
    pub fn starting(settings: &Settings, data: &Arc<Dataset>, start: Start) -> Result<Self> {
        settings.validate()?;
        let (machine, passed_over) = Machine::find(settings.device)?;
        Ok(Trainer { passed_over, ..Trainer::on(&machine, settings, data, start)? })
    }

    /// As [`Trainer::new`], on a machine that was found before, whatever the settings say of it, from any `start`. Where
    /// that is what [`Trainer::parameters`], [`Trainer::moments`], [`Trainer::steps`] and [`Trainer::losses`] were, training
    /// goes on to the same bits.
    ///
    /// # Errors
    /// As [`Trainer::new`].
    pub fn on(machine: &Machine, settings: &Settings, data: &Arc<Dataset>, start: Start) -> Result<Self> {
        settings.validate()?;
        let network = settings.network()?;
        check_fit(settings, &network, data, start)?;
        let ledger = Ledger::new();
        let task = machine.target().able(&task(settings, &network, data.shape()));
        let planned = machine.target().plan(settings.strategy, &task, settings.dataset)?;
        let (bytes, Planned { strategy, plan, dataset_on_device, .. }) = (planned.bytes(), planned);
        let job = Job {
            task,
            data,
            plan: &plan,
            dataset_on_device,
            parameters: start.parameters,
            moments: start.moments,
        };
        let device = machine.open(&job, bytes.total(), &ledger)?;
        let verifier =
            settings.verify_recompute.then(|| Verifier::new(&network, settings.micro_batch(), &plan));
        Ok(Trainer {
            settings: settings.clone(),
            planned: bytes,
            ledger,
            device,
            passed_over: None,
            target: machine.target(),
            data: Arc::clone(data),
            order: Vec::new(),
            step_meter: LiveMeter::new(plan.slots.len()),
            evaluation_meter: LiveMeter::new(plan.slots.len()),
            network,
            strategy,
            plan,
            steps: start.steps,
            losses: start.losses,
            paces: Vec::new(),
            prepared: None,
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

    /// What it is trained on.
    pub fn data(&self) -> &Dataset {
        &self.data
    }

    /// What would be planned for the same network and data on the same machine under other settings.
    ///
    /// # Errors
    /// As [`Target::plan`].
    pub fn plan_with(&self, settings: &Settings) -> Result<Planned> {
        let task = task(settings, &self.network, self.data.shape());
        self.target.plan(settings.strategy, &task, settings.dataset)
    }

    /// What is trained.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Bytes of all buffers by category, as planned.
    pub fn planned(&self) -> &ByCategory {
        &self.planned
    }

    /// The account of its buffers.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
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

    /// The epoch at hand, counted from 0.
    pub fn epoch_index(&self) -> u64 {
        self.steps / self.steps_per_epoch()
    }

    /// Steps of it that are made.
    pub fn steps_in_epoch(&self) -> u64 {
        self.steps % self.steps_per_epoch()
    }

    /// The learning rate of the next step.
    pub fn rate(&self) -> f32 {
        self.settings.rate(self.steps, self.total_steps())
    }

    /// Losses of the steps of the epoch at hand.
    pub fn losses(&self) -> LossSum {
        self.losses
    }

    /// Trains to the end of the epoch, or until the settings' steps are made, then scores the test split.
    ///
    /// `on_step` is told the number of steps made so far, after each; these may still be under way.
    ///
    /// # Errors
    /// [`Error::Diverged`] where the loss, a gradient or a parameter is no longer a number, [`Error::DeviceLost`],
    /// [`Error::RecomputeDiffers`] where the settings have recomputation verified, and [`Error::Usage`] where no step is
    /// left to make.
    pub fn epoch(&mut self, on_step: impl FnMut(u64)) -> Result<Epoch> {
        self.train(u64::MAX, on_step)?;
        self.end_epoch()
    }

    /// What came of the epoch whose last step was just made: its loss, and how the test split fares.
    ///
    /// # Errors
    /// [`Error::DeviceLost`]
    pub fn end_epoch(&mut self) -> Result<Epoch> {
        let LossSum { sum, steps } = self.losses;
        let index = (self.steps.saturating_sub(1) / self.steps_per_epoch()) as usize;
        Ok(Epoch { index, loss: (sum / steps as f64) as f32, test: self.evaluate()? })
    }

    /// Whether an epoch, or the whole training, has just ended.
    pub fn is_at_end_of_epoch(&self) -> bool {
        self.steps > 0 && (self.steps_in_epoch() == 0 || self.is_done())
    }

    /// Makes `steps` steps, or as many as are left of the epoch or of the settings' steps, and returns their mean loss.
    ///
    /// # Errors
    /// As [`Trainer::epoch`].
    pub fn train(&mut self, steps: u64, on_step: impl FnMut(u64)) -> Result<f32> {
        self.train_while(steps, on_step, || true)
    }

    /// Makes all steps that are left, over as many epochs as they take, without an evaluation. After each `every` of them, and
    /// after the last one, `on_loss` is told how many are made and the mean loss of those since it was told before.
    ///
    /// # Errors
    /// As [`Trainer::epoch`].
    pub fn train_to_end(&mut self, every: u64, mut on_loss: impl FnMut(u64, f32)) -> Result<()> {
        let mut since = LossSum::default();
        while !self.is_done() {
            let before = self.steps;
            let loss = self.train(every.max(1) - since.steps, |_| ())?;
            let made = self.steps - before;
            since = LossSum { sum: since.sum + f64::from(loss) * made as f64, steps: since.steps + made };
            if since.steps == every.max(1) || self.is_done() {
                on_loss(self.steps, (since.sum / since.steps as f64) as f32);
                since = LossSum::default();
            }
        }
        Ok(())
    }

    /// As [`Trainer::train`], as long as `goes_on` says so before each step but the first.
    ///
    /// # Errors
    /// As [`Trainer::epoch`].
    pub fn train_while(
        &mut self,
        steps: u64,
        mut on_step: impl FnMut(u64),
        goes_on: impl Fn() -> bool,
    ) -> Result<f32> {
        let (epoch, made) = (self.epoch_index(), self.steps_in_epoch());
        let left = self.total_steps().saturating_sub(self.steps).min(self.steps_per_epoch() - made);
        let steps = steps.min(left);
        if steps == 0 {
            return Err(Error::usage("--steps", "found no step left to make, expected at least 1"));
        }
        if made == 0 {
            self.losses = LossSum::default();
        }
        let started = Instant::now();
        self.prepare(epoch);
        let pass = if self.settings.shuffle { Pass::Shuffled(&self.order) } else { Pass::InOrder };
        self.device.begin_pass(pass, made as usize * self.parts(), &self.paces)?;
        for step in 0..steps {
            if step > 0 && !goes_on() {
                break;
            }
            self.step()?;
            on_step(self.steps);
        }
        let metrics = self.device.end_pass()?;
        self.training_time += started.elapsed();
        if let Some(fault) = metrics.fault {
            let step = epoch * self.steps_per_epoch() + u64::from(fault.batch) / self.parts() as u64;
            return Err(diverged(epoch as usize, step, fault.layer));
        }
        let steps = u64::from(metrics.batches) / self.parts() as u64;
        self.losses.sum += f64::from(metrics.loss);
        self.losses.steps += steps;
        Ok(metrics.loss / steps as f32)
    }

    /// Puts the order and the paces of `epoch` in place.
    fn prepare(&mut self, epoch: u64) {
        if self.prepared == Some(epoch) {
            return;
        }
        self.prepared = Some(epoch);
        if self.settings.shuffle {
            shuffle(self.settings.seed, epoch, self.data.train.len() as u32, &mut self.order);
        }
        let (first, total) = (epoch * self.steps_per_epoch(), self.total_steps());
        let settings = &self.settings;
        self.paces.clear();
        self.paces.extend(
            (first..first + (self.data.train.len() / settings.batch) as u64)
                .map(|step| settings.rule.pace(settings.rate(step, total), step)),
        );
    }

    /// How the test split fares.
    ///
    /// # Errors
    /// [`Error::DeviceLost`]
    pub fn evaluate(&mut self) -> Result<Evaluation> {
        let samples = self.data.test.len();
        self.device.begin_pass(Pass::Test, 0, &[])?;
        for _ in 0..samples.div_ceil(self.micro_batch()) {
            self.device.begin_batch(Accumulation::Whole)?;
            let actions = &self.plan.evaluation;
            execute(&self.plan.chain, actions, self.device.as_mut(), &mut self.evaluation_meter)?;
            self.device.end_batch()?;
        }
        let metrics = self.device.end_pass()?;
        let are_classes = matches!(self.data.test.targets(), Targets::Classes(_));
        Ok(Evaluation {
            loss: metrics.loss / samples as f32,
            accuracy: are_classes.then(|| f64::from(metrics.correct) / samples as f64),
        })
    }

    /// What the optimizer remembers now, as many numbers of each parameter as
    /// [`crate::model::Optimizer::moments`] says.
    ///
    /// # Errors
    /// [`Error::DeviceLost`]
    pub fn moments(&mut self) -> Result<Vec<Parameters>> {
        self.device.moments()
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
                epoch: (self.steps.saturating_sub(1) / self.steps_per_epoch()) as usize,
                problem: format!("layer {layer} has a parameter that is {value}"),
            }),
        }
    }

    /// When each action of the last step ran that is no release, micro-batch by micro-batch. Empty before the last
    /// step, unless the settings ask for it, and where the device has no clock.
    pub fn laps(&self) -> &[Vec<Span>] {
        &self.laps
    }

    /// All that it takes to go on from here; see [`Trainer::on`].
    ///
    /// # Errors
    /// As [`Trainer::parameters`].
    pub fn snapshot(&mut self) -> Result<Snapshot> {
        let LossSum { sum, steps } = self.losses;
        Ok(Snapshot {
            widths: self.network.widths().to_vec(),
            settings: self.settings.decisive(),
            steps: self.steps,
            losses: (sum, steps),
            parameters: self.parameters()?,
            moments: self.moments()?,
        })
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
        rule: settings.rule,
        data,
        timed: settings.timed,
        fused: settings.fused,
        observed: settings.verify_recompute,
        tuned: settings.tuned,
    }
}

/// What a fault in `layer`, or else in the loss, of `step` is for the user.
fn diverged(epoch: usize, step: u64, layer: Option<usize>) -> Error {
    let problem = match layer {
        Some(layer) => {
            format!("in step {step}, layer {layer} has a gradient or a parameter that is infinite or none")
        }
        None => format!("in step {step}, the loss is infinite or none"),
    };
    Error::Diverged { epoch, problem }
}

fn check_fit(settings: &Settings, network: &Network, data: &Dataset, start: Start) -> Result<()> {
    data.check(network)?;
    settings.check_batch(data.train.len())?;
    if !(start.parameters.fit(network) && start.moments.iter().all(|moment| moment.fit(network))) {
        return Err(Error::usage("--init", "the parameters are not of the network's shapes"));
    }
    Ok(())
}
