use super::{Planned, Target, task};
use crate::config::{DeviceChoice, Settings};
use crate::cpu::{self, Cpu};
use crate::data::DatasetShape;
use crate::device::{Device, DeviceInfo, Job};
use crate::gpu::{AdapterKind, Context, Gpu};
use crate::memory::{Ledger, check_host_memory};
use crate::{Error, Result};

/// Something to train on, once or several times.
#[derive(Clone)]
pub enum Machine {
    /// The CPU backend.
    Cpu,
    /// A GPU, or a driver that stands in for one.
    Gpu(Box<Context>),
}

impl Machine {
    /// The machine that `choice` names, and why `auto` passed the GPU over, where it did.
    ///
    /// # Errors
    /// [`Error::NoDevice`] where there is none.
    pub fn find(choice: DeviceChoice) -> Result<(Self, Option<Error>)> {
        let kind = match choice {
            DeviceChoice::Cpu => return Ok((Machine::Cpu, None)),
            DeviceChoice::Auto | DeviceChoice::Gpu => AdapterKind::Hardware,
            DeviceChoice::Software => AdapterKind::Software,
        };
        match Context::open(kind) {
            Ok(context) => Ok((Machine::Gpu(Box::new(context)), None)),
            Err(error @ Error::NoDevice { .. }) if choice == DeviceChoice::Auto => {
                Ok((Machine::Cpu, Some(error)))
            }
            Err(error) => Err(error),
        }
    }

    /// The same machine, which cuts all products in one of the ways that it can: each has its turn.
    pub fn in_turn(&self, turn: usize) -> Self {
        match self {
            Machine::Cpu => Machine::Cpu,
            Machine::Gpu(context) => Machine::Gpu(Box::new(context.clone().in_turn(turn))),
        }
    }

    /// What it is.
    pub fn info(&self) -> DeviceInfo {
        match self {
            Machine::Cpu => cpu::info(),
            Machine::Gpu(context) => context.info(),
        }
    }

    /// What to plan for.
    pub fn target(&self) -> Target {
        match self {
            Machine::Cpu => Target::Cpu,
            Machine::Gpu(context) => Target::Gpu(context.limits()),
        }
    }

    /// Plans what `settings` ask for on so much data, whatever they say of the device. Nothing is allocated, and no sample is
    /// needed.
    ///
    /// # Errors
    /// [`Error::Usage`] for settings that do not fit each other, and those of [`Target::plan`].
    pub fn plan(&self, settings: &Settings, data: DatasetShape) -> Result<Planned> {
        settings.validate()?;
        let network = settings.network.build()?;
        self.target().plan(
            settings.placement.strategy,
            &task(settings, &network, data),
            settings.placement.dataset,
        )
    }

    /// Allocates all that `job` needs, `bytes` in all, and books it in `ledger`.
    ///
    /// # Errors
    /// [`Error::DoesNotFit`] where the machine is too small.
    pub fn open(&self, job: &Job, bytes: u64, ledger: &Ledger) -> Result<Box<dyn Device>> {
        match self {
            Machine::Cpu => {
                check_host_memory("the cpu backend's buffers", bytes)?;
                Ok(Box::new(Cpu::new(job, ledger)?))
            }
            Machine::Gpu(context) => Ok(Box::new(Gpu::new(context.with_ledger(ledger), job)?)),
        }
    }
}
