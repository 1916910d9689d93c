use std::cell::Cell;

use super::adapter::{self, AdapterKind};
use super::faults::Faults;
use super::limits::{AdapterLimits, IMMEDIATE_BYTES, WorkgroupLimits};
use crate::device::{DeviceInfo, DeviceLimits};
use crate::memory::Ledger;
use crate::{Error, Result, Setting};

/// Minimum subgroup size, in lanes, of the kernels that use subgroup operations.
const SUBGROUP_LANES: u32 = 8;
/// Invocations of the largest workgroup that every run needs. A device with fewer is refused.
const LEAST_INVOCATIONS: u32 = 64;
/// Elements of a product's result that keep a software driver busy: a tile of 32 × 32 for each of a few CPU cores.
const SOFTWARE_ELEMENTS: usize = 1 << 12;
const SUBGROUP_FEATURES: wgpu::Features = wgpu::Features::SUBGROUP.union(wgpu::Features::SUBGROUP_BARRIER);

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
        let AdapterLimits { workgroups: most, binding_bytes, buffer_bytes } = most;
        let adapter = adapter::choose(kind)?;
        let info = adapter::describe(&adapter.get_info());
        let offered = adapter.limits();
        let subgroup_features = if most.subgroups { SUBGROUP_FEATURES } else { wgpu::Features::empty() };
        let invocations = |offered: u32| offered.min(most.invocations).max(LEAST_INVOCATIONS);
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("ckpt-gpu"),
            // Timestamps time actions.
            required_features: wgpu::Features::IMMEDIATES
                | adapter.features() & (wgpu::Features::TIMESTAMP_QUERY | subgroup_features),
            required_limits: wgpu::Limits {
                max_buffer_size: offered.max_buffer_size.min(buffer_bytes),
                max_storage_buffer_binding_size: offered.max_storage_buffer_binding_size.min(binding_bytes),
                max_compute_workgroup_storage_size: offered
                    .max_compute_workgroup_storage_size
                    .min(most.bytes),
                max_compute_invocations_per_workgroup: invocations(
                    offered.max_compute_invocations_per_workgroup,
                ),
                max_compute_workgroup_size_x: invocations(offered.max_compute_workgroup_size_x),
                max_compute_workgroup_size_y: invocations(offered.max_compute_workgroup_size_y),
                max_immediate_size: IMMEDIATE_BYTES,
                ..wgpu::Limits::default()
            },
            // `MemoryHints::Performance` reserves blocks of at least 64 MiB.
            memory_hints: wgpu::MemoryHints::MemoryUsage,
            ..Default::default()
        };
        let (device, queue) =
            pollster::block_on(adapter.request_device(&descriptor)).map_err(|error| Error::NoDevice {
                wanted: info.name.clone(),
                problem: format!("the driver refused to open it: {error}"),
                remedy: format!("use {}, or a newer driver", Setting::Device.with("cpu")),
            })?;
        // Software drivers load values lane by lane, so it is faster if the lanes of a subgroup share their
        // loads.
        let subgroups = kind == AdapterKind::Software
            && device.features().contains(SUBGROUP_FEATURES)
            && adapter.get_info().subgroup_min_size >= SUBGROUP_LANES;
        let limits = device.limits();
        let workgroups = WorkgroupLimits {
            bytes: limits.max_compute_workgroup_storage_size,
            invocations: limits
                .max_compute_invocations_per_workgroup
                .min(limits.max_compute_workgroup_size_x),
            subgroups,
        };
        Ok(OpenDevice {
            faults: Faults::of(&device),
            raw: device,
            queue,
            info,
            kind: adapter.get_info().device_type,
            workgroups,
            ledger: Ledger::new(),
            objects: Cell::new(0),
        })
    }

    /// The same device for another run, whose buffers are counted in `ledger`.
    pub fn with_ledger(&self, ledger: &Ledger) -> Self {
        OpenDevice { ledger: ledger.clone(), objects: Cell::new(0), ..self.clone() }
    }

    pub fn limits(&self) -> DeviceLimits {
        let (limits, features) = (self.raw.limits(), self.raw.features());
        DeviceLimits {
            binding_bytes: limits.max_storage_buffer_binding_size.min(limits.max_buffer_size),
            buffer_bytes: limits.max_buffer_size,
            timestamps: features.contains(wgpu::Features::TIMESTAMP_QUERY),
            workgroup_bytes: self.workgroups.bytes,
            invocations: self.workgroups.invocations,
            // Software drivers distribute workgroups, not invocations, over the CPU cores, so a workgroup is as small as a
            // vector unit.
            column_lanes: if self.is_software() { 1 } else { DeviceLimits::default().column_lanes },
            subgroups: self.workgroups.subgroups,
            few_dispatches: !self.is_software(),
            busy_elements: if self.is_software() { SOFTWARE_ELEMENTS } else { DeviceLimits::BUSY_ELEMENTS },
        }
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
