use crate::config::DeviceChoice;
use crate::cpu::Cpu;
use crate::device::{Device, Job, Residence};
use crate::gpu::{AdapterKind, Context, Gpu};
use crate::memory::{ByCategory, Ledger, check_host_memory};
use crate::{Error, Result};

/// A device with everything that a job needs on it.
pub struct Opened {
    /// The device.
    pub device: Box<dyn Device>,
    /// Bytes outside the plan's pool, as they were planned before anything was allocated.
    pub planned: ByCategory,
    /// Why `auto` took the CPU.
    pub passed_over: Option<Error>,
}

/// Opens the device that `choice` names, and allocates all that `job` needs.
///
/// # Errors
/// [`Error::NoDevice`] where there is none, [`Error::DoesNotFit`] where it is too small, [`Error::Usage`] where it
/// cannot keep the dataset as `job` asks.
pub fn open(choice: DeviceChoice, job: &Job, ledger: &Ledger) -> Result<Opened> {
    let kind = match choice {
        DeviceChoice::Cpu => return open_cpu(job, ledger, None),
        DeviceChoice::Auto | DeviceChoice::Gpu => AdapterKind::Hardware,
        DeviceChoice::Software => AdapterKind::Software,
    };
    match Context::open(kind, ledger.clone()) {
        Ok(context) => {
            let planned = Gpu::planned_bytes(&context, job)?;
            Ok(Opened { device: Box::new(Gpu::new(context, job)?), planned, passed_over: None })
        }
        Err(error @ Error::NoDevice { .. }) if choice == DeviceChoice::Auto => {
            open_cpu(job, ledger, Some(error))
        }
        Err(error) => Err(error),
    }
}

fn open_cpu(job: &Job, ledger: &Ledger, passed_over: Option<Error>) -> Result<Opened> {
    if job.residence == Residence::Device {
        return Err(Error::usage(
            "--dataset",
            "found device, expected auto or host: the cpu backend reads the data where it lies in host memory",
        ));
    }
    let planned = Cpu::planned_bytes(job);
    check_host_memory("the cpu backend's buffers", planned.total() + job.plan.pool_bytes())?;
    Ok(Opened { device: Box::new(Cpu::new(job, ledger)?), planned, passed_over })
}
