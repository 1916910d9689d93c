mod mini_batches;
mod passes;
mod progress;
mod snapshot;
mod step;

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use mini_batches::MiniBatches;

use super::accounts::Accounts;
use super::{Found, Machine, MemoryReport, Planned, RunPlanner, Start, Target, Verifier, task};
use crate::config::Settings;
use crate::data::Dataset;
use crate::device::{Device, DeviceInfo, Initial, Job, Span, Task};
use crate::memory::{ByCategory, Ledger, LiveMeter};
use crate::model::{Network, Plateau};
use crate::plan::Plan;
use crate::snapshot::LossSum;
use crate::strategy::Strategy;
use crate::{Error, Result, Setting};

/// A network in training on a device.
pub struct Trainer {
    settings: Settings,
    network: Network,
    micro_batch: usize,
    parts: usize,
    strategy: Strategy,
    plan: Plan,
    accounts: Accounts,
    device: Box<dyn Device>,
    passed_over: Option<Error>,
    refusals: Vec<Error>,
    target: Target,
    data: Arc<Dataset>,
    mini_batches: MiniBatches,
    evaluation_meter: LiveMeter,
    steps: u64,
    /// Losses of the current epoch's steps.
    losses: LossSum,
    plateau: Plateau,
    /// Learning rate of the last step.
    last_rate: f32,
    training_time: Duration,
    laps: Vec<Vec<Span>>,
    /// `None` unless the settings enable it.
    verifier: Option<Verifier>,
    /// [`identity`](super::identity) of the run, computed for the first snapshot: it reads all samples.
    identity: OnceCell<BTreeMap<Setting, String>>,
}

impl Trainer {
    /// As [`Trainer::on`], on the device that `settings` choose.
    ///
    /// # Errors
    /// As [`Machine::find`] and [`Trainer::on`].
    pub fn new(settings: &Settings, data: &Arc<Dataset>, start: impl Into<Start>) -> Result<Self> {
        settings.validate()?;
        let Found { machine, passed_over } = Machine::find(settings.placement.device)?;
        Ok(Trainer { passed_over, ..Trainer::on(&machine, settings, data, start)? })
    }

    /// Plans, replays the plan, and allocates everything that training needs on `machine`, whichever device the settings
    /// choose. Where the driver refuses a kernel, simpler ones are used, which give the same bits. `start` is
    /// [`Parameters`](crate::model::Parameters) or a [`Snapshot`](crate::snapshot::Snapshot); from a snapshot, training
    /// continues to bit-identical parameters.
    ///
    /// # Errors
    /// [`Error::Usage`] if the settings contradict each other, the data or `start`; [`Error::DoesNotFit`] and
    /// [`Error::OverBudget`] if the device or the budget is too small; [`Error::KernelRefused`] if the driver refuses the
    /// simplest kernels.
    pub fn on(
        machine: &Machine,
        settings: &Settings,
        data: &Arc<Dataset>,
        start: impl Into<Start>,
    ) -> Result<Self> {
        let mut start = start.into();
        let open = |machine: &Machine| Trainer::open(machine, settings, data, &mut start);
        let (trainer, refusals) = machine.with_accepted_kernels(open)?;
        Ok(Trainer { refusals, ..trainer })
    }

    fn open(machine: &Machine, settings: &Settings, data: &Arc<Dataset>, start: &mut Start) -> Result<Self> {
        settings.validate()?;
        let network = settings.network.build()?;
        check_fit(settings, &network, data, start)?;
        let ledger = Ledger::new();
        let task = Task { slices: start.slices, ..task(settings, &network, data.shape()) };
        let planned =
            machine.target().plan(settings.placement.strategy, &task, settings.placement.dataset)?;
        let (bytes, Planned { micro_batch, strategy, plan, footprint, .. }) = (planned.bytes(), planned);
        let task = task.in_micro_batches(micro_batch);
        let mut job = Job { task, data, plan: &plan, initial: &mut start.initial };
        let device = machine.open(&mut job, footprint, &ledger)?;
        let verifier =
            settings.diagnostics.verify_recompute.then(|| Verifier::new(&network, micro_batch, &plan));
        Ok(Trainer {
            micro_batch,
            parts: task.parts,
            settings: settings.clone(),
            accounts: Accounts::new(bytes, ledger, strategy, &plan),
            device,
            passed_over: None,
            refusals: Vec::new(),
            target: machine.target(),
            data: Arc::clone(data),
            mini_batches: MiniBatches::default(),
            evaluation_meter: LiveMeter::new(plan.slots.len()),
            network,
            strategy,
            plan,
            steps: start.steps,
            losses: start.losses,
            plateau: start.plateau,
            last_rate: 0.0,
            training_time: Duration::ZERO,
            laps: Vec::new(),
            verifier,
            identity: OnceCell::new(),
        })
    }

    /// Strategy of the plan.
    pub fn strategy(&self) -> Strategy {
        self.strategy
    }

    /// Plan that a step executes for each micro-batch.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Dataset.
    pub fn data(&self) -> &Dataset {
        &self.data
    }

    /// Plans runs on the same data for the same device under other settings.
    pub fn planner(&self) -> RunPlanner {
        RunPlanner { target: self.target, data: self.data.shape(), slices: self.device.slices() }
    }

    /// The network.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Planned bytes of all buffers by category.
    pub fn planned(&self) -> &ByCategory {
        &self.accounts.planned
    }

    /// Ledger of all buffers.
    pub fn ledger(&self) -> &Ledger {
        &self.accounts.ledger
    }

    /// Planned bytes, counted bytes, and the driver's.
    pub fn memory(&self) -> MemoryReport {
        self.accounts.report(&self.plan, self.device.as_ref())
    }

    /// Samples in a micro-batch.
    pub fn micro_batch(&self) -> usize {
        self.micro_batch
    }

    /// Micro-batches in a mini-batch.
    pub fn parts(&self) -> usize {
        self.parts
    }

    /// The device.
    pub fn device(&self) -> DeviceInfo {
        self.device.info()
    }

    /// Dispatches of the last step; `None` before the first, and on the CPU.
    pub fn dispatches_a_step(&self) -> Option<u64> {
        self.device.dispatches_a_step()
    }

    /// Why [`DeviceChoice::Auto`](crate::config::DeviceChoice::Auto) chose the CPU, if it did.
    pub fn passed_over(&self) -> Option<&Error> {
        self.passed_over.as_ref()
    }

    /// Kernels that the driver refused. Simpler ones do their work.
    pub fn refusals(&self) -> &[Error] {
        &self.refusals
    }

    /// Takes the refusals out.
    pub(crate) fn take_refusals(&mut self) -> Vec<Error> {
        std::mem::take(&mut self.refusals)
    }

    /// Comparison of recomputed states, if the settings enable it.
    pub fn verifier(&self) -> Option<&Verifier> {
        self.verifier.as_ref()
    }
}

fn check_fit(settings: &Settings, network: &Network, data: &Dataset, start: &Start) -> Result<()> {
    let Initial { parameters, moments } = &start.initial;
    data.check(network)?;
    settings.batching.check_samples(data.train.len())?;
    if !(parameters.fit(network) && moments.iter().all(|moment| moment.fit(network))) {
        return Err(Error::usage(
            Setting::Init,
            "found parameters or optimizer state of other shapes, expected those of the network",
        ));
    }
    let (found, expected) = (moments.len(), settings.optimization.rule.moments());
    if found != 0 && found != expected {
        let problem = format!(
            "found optimizer state of {found} values a parameter, expected {expected}, as the optimizer, with or without an \
             average of the parameters, has"
        );
        return Err(Error::usage(Setting::Optimizer, problem));
    }
    Ok(())
}
