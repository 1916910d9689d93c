use super::target::BackendFootprint;
use super::{Footprint, Planned, RunPlanner, Target};
use crate::config::{DeviceChoice, Settings};
use crate::cpu::{self, Cpu};
use crate::data::DatasetShape;
use crate::device::{Device, DeviceInfo, Initial, Job};
use crate::gpu::{AdapterKind, Context, Gpu};
use crate::memory::{Ledger, check_host_memory};
use crate::{Error, Result};

/// A machine to train on, once or several times.
#[derive(Clone)]
pub enum Machine {
    /// The CPU backend.
    Cpu,
    /// A GPU, or a software driver.
    Gpu(Box<Context>),
}

/// The machine that [`Machine::find`] found.
pub struct Found {
    /// The machine.
    pub machine: Machine,
    /// Why [`DeviceChoice::Auto`] fell back to the CPU, if it did.
    pub passed_over: Option<Error>,
}

impl Machine {
    /// Finds the machine that `choice` names.
    ///
    /// # Errors
    /// [`Error::NoDevice`] if there is none, [`Error::DoesNotFit`] if the CPU backend's threads cannot be started.
    pub fn find(choice: DeviceChoice) -> Result<Found> {
        let kind = match choice {
            DeviceChoice::Cpu => return Machine::cpu(None),
            DeviceChoice::Auto | DeviceChoice::Gpu => AdapterKind::Hardware,
            DeviceChoice::Software => AdapterKind::Software,
        };
        match Context::open(kind) {
            Ok(context) => Ok(Found { machine: Machine::Gpu(Box::new(context)), passed_over: None }),
            Err(error @ Error::NoDevice { .. }) if choice == DeviceChoice::Auto => Machine::cpu(Some(error)),
            Err(error) => Err(error),
        }
    }

    fn cpu(passed_over: Option<Error>) -> Result<Found> {
        cpu::start_threads()?;
        Ok(Found { machine: Machine::Cpu, passed_over })
    }

    /// The same machine with all products tiled in one way; `turn` cycles through those that it has.
    pub fn in_turn(&self, turn: usize) -> Self {
        match self {
            Machine::Cpu => Machine::Cpu,
            Machine::Gpu(context) => Machine::Gpu(Box::new(context.clone().in_turn(turn))),
        }
    }

    /// What `open` makes of this machine, or if its driver refuses a kernel, of the same with simpler kernels, which give the
    /// same bits. Also returns the refusals.
    ///
    /// # Errors
    /// Those of `open`; [`Error::KernelRefused`] if there are no simpler kernels.
    pub fn with_accepted_kernels<T>(
        &self,
        mut open: impl FnMut(&Machine) -> Result<T>,
    ) -> Result<(T, Vec<Error>)> {
        let (mut machine, mut refusals) = (self.clone(), Vec::new());
        loop {
            let refusal = match open(&machine) {
                Ok(opened) => return Ok((opened, refusals)),
                Err(refusal @ Error::KernelRefused { .. }) => refusal,
                Err(error) => return Err(error),
            };
            machine = match &machine {
                Machine::Gpu(context) => match context.simpler() {
                    Some(simpler) => Machine::Gpu(Box::new(simpler)),
                    None => return Err(refusal),
                },
                Machine::Cpu => return Err(refusal),
            };
            refusals.push(refusal);
        }
    }

    /// Name and kind of the machine.
    pub fn info(&self) -> DeviceInfo {
        match self {
            Machine::Cpu => cpu::info(),
            Machine::Gpu(context) => context.info(),
        }
    }

    /// The target to plan for.
    pub fn target(&self) -> Target {
        match self {
            Machine::Cpu => Target::Cpu,
            Machine::Gpu(context) => Target::Gpu(context.limits()),
        }
    }

    /// Plans a run of `settings` on data of this shape, whatever device the settings name. Nothing is allocated, and no
    /// sample is needed.
    ///
    /// # Errors
    /// [`Error::Usage`] for settings that contradict each other, and those of [`Target::plan`].
    pub fn plan(&self, settings: &Settings, data: DatasetShape) -> Result<Planned> {
        RunPlanner::new(self.target(), data).plan(settings)
    }

    /// Allocates the buffers of `job`, those outside the pool as planned in `footprint`, books them in `ledger`, and fills
    /// them with the initial values, which it takes.
    ///
    /// # Errors
    /// [`Error::DoesNotFit`] if the device's memory is too small, [`Error::Internal`] for the footprint of another target.
    pub fn open(&self, job: &mut Job, footprint: Footprint, ledger: &Ledger) -> Result<Box<dyn Device>> {
        // The initial values are there.
        let held = 4 * job.task.network.parameter_count() * (1 + job.initial.moments.len() as u64);
        let bytes = (footprint.bytes().total() + job.plan.bytes()).saturating_sub(held);
        match (self, footprint.0) {
            (Machine::Cpu, BackendFootprint::Cpu(footprint)) => {
                check_host_memory("the cpu backend's buffers", bytes)?;
                Ok(Box::new(Cpu::new(job, footprint, ledger)?))
            }
            (Machine::Gpu(context), BackendFootprint::Gpu(footprint)) => {
                let gpu = Gpu::new(context.with_ledger(ledger), job, *footprint)?;
                *job.initial = Initial::default();
                Ok(Box::new(gpu))
            }
            _ => Err(Error::internal("a plan for one backend is opened on another")),
        }
    }
}
