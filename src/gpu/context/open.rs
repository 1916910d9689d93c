use std::cell::Cell;
use std::sync::Arc;

use super::{Context, Faults};
use crate::gpu::adapter::{self, AdapterKind};
use crate::gpu::immediates;
use crate::gpu::tile::WorkgroupLimits;
use crate::memory::Ledger;
use crate::{Error, Result, Setting};

/// Minimum subgroup size, in lanes, of the kernels that use subgroup operations.
const SUBGROUP_LANES: u32 = 8;
/// Invocations of the largest workgroup that every run needs. A device with fewer is refused.
const LEAST_INVOCATIONS: u32 = 64;
const SUBGROUP_FEATURES: wgpu::Features = wgpu::Features::SUBGROUP.union(wgpu::Features::SUBGROUP_BARRIER);

impl Context {
    /// Opens the best adapter of `kind`.
    ///
    /// # Errors
    /// [`Error::NoDevice`] if there is none, or if it refuses to open a device.
    pub fn open(kind: AdapterKind) -> Result<Self> {
        Context::open_within(kind, WorkgroupLimits::MOST)
    }

    /// As [`Context::open`], but kernels are chosen as on a device whose workgroups have these limits, and a
    /// kernel with more invocations is rejected.
    ///
    /// # Errors
    /// As [`Context::open`].
    pub fn open_within(kind: AdapterKind, most: WorkgroupLimits) -> Result<Self> {
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
                max_buffer_size: offered.max_buffer_size,
                max_storage_buffer_binding_size: offered.max_storage_buffer_binding_size,
                max_compute_workgroup_storage_size: offered
                    .max_compute_workgroup_storage_size
                    .min(most.bytes),
                max_compute_invocations_per_workgroup: invocations(
                    offered.max_compute_invocations_per_workgroup,
                ),
                max_compute_workgroup_size_x: invocations(offered.max_compute_workgroup_size_x),
                max_compute_workgroup_size_y: invocations(offered.max_compute_workgroup_size_y),
                max_immediate_size: immediates::MOST_BYTES,
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
        let faults = Faults::of(&device);
        let column_lanes = match kind {
            AdapterKind::Hardware => 32,
            // Software drivers distribute workgroups, not invocations, over the CPU cores, so a workgroup is
            // as small as a vector unit.
            AdapterKind::Software => 1,
        };
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
        Ok(Context {
            device,
            queue,
            info,
            ledger: Ledger::new(),
            kind: adapter.get_info().device_type,
            tile: None,
            choices: Arc::default(),
            column_lanes,
            workgroups,
            shaders: Arc::default(),
            programs: Arc::default(),
            faults,
            objects: Cell::new(0),
        })
    }
}
