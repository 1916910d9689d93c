use std::cell::Cell;
use std::ops::Range;

use super::adapter::{self, AdapterKind};
use super::faults::Faults;
use super::limits::{AdapterLimits, WorkgroupLimits, planned_limits};
use crate::device::{DeviceInfo, DeviceLimits};
use crate::memory::Ledger;
use crate::{Error, Result, Setting};

/// Sizes of the blocks of memory that buffers share, from the first to the largest. A larger buffer has one of its own. With
/// `MemoryHints::MemoryUsage`, blocks grow to 64 MiB, of which much stays empty under small budgets. The 4,096 blocks that any
/// driver allows hold 32 GiB.
const BLOCK_BYTES: Range<u64> = 4 << 20..8 << 20;

/// An open device, through which all memory on it is allocated.
///
/// Clones share the device. Each may have its own ledger.
#[derive(Clone)]
pub struct OpenDevice {
    pub raw: wgpu::Device,
    pub queue: wgpu::Queue,
    pub info: DeviceInfo,
    pub kind: wgpu::DeviceType,
    pub workgroups: WorkgroupLimits,
    pub ledger: Ledger,
    faults: Faults,
    objects: Cell<u64>,
}

impl OpenDevice {
    /// Opens the best adapter of `kind`, as if it had at most the limits `most`.
    ///
    /// # Errors
    /// [`Error::NoDevice`] if there is none, or if it refuses to open a device.
    pub fn new(kind: AdapterKind, most: AdapterLimits) -> Result<Self> {
        let adapter = adapter::choose(kind)?;
        let info = adapter::describe(&adapter.get_info());
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("ckpt-gpu"),
            required_features: most.features(&adapter),
            required_limits: most.required(&adapter),
            memory_hints: wgpu::MemoryHints::Manual { suballocated_device_memory_block_size: BLOCK_BYTES },
            ..Default::default()
        };
        let (device, queue) =
            pollster::block_on(adapter.request_device(&descriptor)).map_err(|error| Error::NoDevice {
                wanted: info.name.clone(),
                problem: format!("the driver refused to open it: {error}"),
                remedy: format!("use {}, or a newer driver", Setting::Device.with("cpu")),
            })?;
        Ok(OpenDevice {
            faults: Faults::of(&device),
            raw: device,
            queue,
            info,
            kind: adapter.get_info().device_type,
            workgroups: most.workgroups(&adapter),
            ledger: Ledger::new(),
            objects: Cell::new(0),
        })
    }

    /// The same device for another run, whose buffers are counted in `ledger`.
    pub fn with_ledger(&self, ledger: &Ledger) -> Self {
        OpenDevice { ledger: ledger.clone(), objects: Cell::new(0), ..self.clone() }
    }

    pub fn limits(&self) -> DeviceLimits {
        planned_limits(&self.raw.limits(), self.raw.features(), self.workgroups, self.is_software())
    }

    /// `true` if kernels run on the CPU.
    pub fn is_software(&self) -> bool {
        self.kind == wgpu::DeviceType::Cpu
    }

    pub fn encoder(&self) -> wgpu::CommandEncoder {
        self.raw.create_command_encoder(&wgpu::CommandEncoderDescriptor::default())
    }

    /// # Errors
    /// [`Error::DeviceLost`] if the device was lost, or reported an error, since it was opened.
    pub fn check(&self) -> Result<()> {
        self.faults.check()
    }

    /// Waits until `submission` is done; `None` waits for everything submitted.
    pub fn wait(&self, submission: Option<wgpu::SubmissionIndex>) -> Result<()> {
        self.faults.wait(&self.raw, submission)
    }

    /// Number of buffers, bind groups and pipelines created so far.
    pub fn objects(&self) -> u64 {
        self.objects.get()
    }

    pub fn count_object(&self) {
        self.objects.set(self.objects.get() + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::device::AdapterKind;

    fn open() -> OpenDevice {
        OpenDevice::new(AdapterKind::Software, AdapterLimits::MOST).unwrap()
    }

    #[test]
    fn software_that_is_lost_is_reported_and_does_not_panic() {
        let device = open();
        device.wait(None).unwrap();
        device.raw.destroy();
        let _ = device.raw.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: 16,
            usage: wgpu::BufferUsages::STORAGE,
            mapped_at_creation: false,
        });
        let lost = [device.wait(None), device.wait(None), device.check()];
        assert!(lost.iter().any(|outcome| matches!(outcome, Err(Error::DeviceLost(_)))), "{lost:?}");
    }

    #[test]
    fn software_that_refuses_is_reported_by_the_next_check() {
        let device = open();
        let module =
            wgpu::ShaderModuleDescriptor { label: None, source: wgpu::ShaderSource::Wgsl("nonsense".into()) };
        let _ = device.raw.create_shader_module(module);
        assert!(matches!(device.check(), Err(Error::DeviceLost(_))));
    }
}
