use crate::config::DeviceChoice;
use crate::cpu::{self, Cpu};
use crate::device::{Device, Job, Residence};
use crate::gpu::{AdapterKind, Context, Gpu};
use crate::memory::{ByCategory, Ledger};
use crate::{Error, Result};

/// Opens the device that `choice` names, allocates all that `job` needs, and says how many bytes outside the
/// plan's pool that was planned to take.
///
/// # Errors
/// [`Error::NoDevice`] where there is none, [`Error::DoesNotFit`] where it is too small, [`Error::Usage`] where it
/// cannot keep the dataset as `job` asks.
pub fn open(choice: DeviceChoice, job: &Job, ledger: &Ledger) -> Result<(ByCategory, Box<dyn Device>)> {
    let kind = match choice {
        DeviceChoice::Cpu => return open_cpu(job, ledger),
        DeviceChoice::Auto | DeviceChoice::Gpu => AdapterKind::Hardware,
        DeviceChoice::Software => AdapterKind::Software,
    };
    match Context::open(kind, ledger.clone()) {
        Ok(context) => {
            let planned = Gpu::planned_bytes(&context, job)?;
            Ok((planned, Box::new(Gpu::new(context, job)?)))
        }
        Err(Error::NoDevice { .. }) if choice == DeviceChoice::Auto => open_cpu(job, ledger),
        Err(error) => Err(error),
    }
}

fn open_cpu(job: &Job, ledger: &Ledger) -> Result<(ByCategory, Box<dyn Device>)> {
    if job.residence == Residence::Device {
        return Err(Error::usage(
            "--dataset",
            "found device, expected auto or host: the cpu backend reads the data where it lies in host memory",
        ));
    }
    let planned = Cpu::planned_bytes(job.network, job.batch);
    cpu::check_room("the cpu backend's buffers", planned.total() + job.plan.pool_bytes())?;
    Ok((planned, Box::new(Cpu::new(job, ledger)?)))
}
