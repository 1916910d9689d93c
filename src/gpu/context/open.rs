use std::cell::Cell;
use std::sync::Arc;

use super::{Context, Faults};
use crate::gpu::adapter::{self, AdapterKind};
use crate::gpu::kernel::IMMEDIATE_BYTES;
use crate::memory::Ledger;
use crate::{Error, Result, Setting};

/// Lanes that must be in one subgroup for kernels that pass numbers on between them.
const SUBGROUP_LANES: u32 = 8;
const SUBGROUP_FEATURES: wgpu::Features = wgpu::Features::SUBGROUP.union(wgpu::Features::SUBGROUP_BARRIER);

impl Context {
    /// Opens the best adapter of `kind`.
    ///
    /// # Errors
    /// [`Error::NoDevice`] where there is none, or where it refuses.
    pub fn open(kind: AdapterKind) -> Result<Self> {
        let adapter = adapter::choose(kind)?;
        let info = adapter::describe(&adapter.get_info());
        let offered = adapter.limits();
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("ckpt-gpu"),
            // To time actions, where somebody asks for it, and to tell chains what to do.
            required_features: adapter.features()
                & (wgpu::Features::TIMESTAMP_QUERY | wgpu::Features::IMMEDIATES | SUBGROUP_FEATURES),
            required_limits: wgpu::Limits {
                max_buffer_size: offered.max_buffer_size,
                max_storage_buffer_binding_size: offered.max_storage_buffer_binding_size,
                max_compute_workgroup_storage_size: offered.max_compute_workgroup_storage_size,
                max_immediate_size: offered.max_immediate_size.min(IMMEDIATE_BYTES),
                ..wgpu::Limits::default()
            },
            // The other hint reserves blocks of 64 MiB and more.
            memory_hints: wgpu::MemoryHints::MemoryUsage,
            ..Default::default()
        };
        let (device, queue) =
            pollster::block_on(adapter.request_device(&descriptor)).map_err(|error| Error::NoDevice {
                wanted: info.name.clone(),
                problem: format!("the adapter refused: {error}"),
                remedy: format!("use {}, or a newer driver", Setting::Device.with("cpu")),
            })?;
        let faults = Faults::of(&device);
        let (column_lanes, chain_groups) = match kind {
            AdapterKind::Hardware => (16, 128),
            // These spread workgroups, not their invocations, over the processor's cores, so here a workgroup is as
            // small as its vector units.
            AdapterKind::Software => (1, 8),
        };
        // Where the processor loads each lane's numbers one by one, lanes had better share what they read.
        let subgroups = kind == AdapterKind::Software
            && device.features().contains(SUBGROUP_FEATURES)
            && adapter.get_info().subgroup_min_size >= SUBGROUP_LANES;
        Ok(Context {
            device,
            queue,
            info,
            ledger: Ledger::new(),
            kind: adapter.get_info().device_type,
            tile: None,
            choices: Arc::default(),
            column_lanes,
            chain_groups,
            subgroups,
            shaders: Arc::default(),
            programs: Arc::default(),
            faults,
            objects: Cell::new(0),
        })
    }
}
