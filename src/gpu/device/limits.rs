//! Limits of an adapter: what a device on it is opened with, and what is planned for it.

use crate::device::DeviceLimits;

/// Bytes of immediate data that a device has to offer.
pub const IMMEDIATE_BYTES: u32 = 68;

/// Minimum subgroup size, in lanes, of the kernels that use subgroup operations.
const SUBGROUP_LANES: u32 = 8;
/// Invocations of the largest workgroup that every run needs. A device with fewer is refused.
const LEAST_INVOCATIONS: u32 = 64;
/// Elements of a product's result that keep a software driver busy: a tile of 32 × 32 for each of a few CPU cores.
const SOFTWARE_ELEMENTS: usize = 1 << 12;
const SUBGROUP_FEATURES: wgpu::Features = wgpu::Features::SUBGROUP.union(wgpu::Features::SUBGROUP_BARRIER);

/// Limits of a device on its workgroups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkgroupLimits {
    /// Bytes of workgroup memory.
    pub bytes: u32,
    /// Invocations of a workgroup.
    pub invocations: u32,
    /// `true` if eight lanes of a subgroup can share what they load.
    pub subgroups: bool,
}

/// Limits that are asked of an adapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdapterLimits {
    /// Of its workgroups.
    pub workgroups: WorkgroupLimits,
    /// Bytes of a binding.
    pub binding_bytes: u64,
    /// Bytes of a buffer.
    pub buffer_bytes: u64,
}

impl AdapterLimits {
    /// Limits that restrict nothing.
    pub const MOST: Self =
        AdapterLimits { workgroups: WorkgroupLimits::MOST, binding_bytes: u64::MAX, buffer_bytes: u64::MAX };
}

impl AdapterLimits {
    /// Limits to open a device on `adapter` with.
    pub fn required(self, adapter: &wgpu::Adapter) -> wgpu::Limits {
        let offered = adapter.limits();
        let AdapterLimits { workgroups: most, binding_bytes, buffer_bytes } = self;
        let invocations = |offered: u32| offered.min(most.invocations).max(LEAST_INVOCATIONS);
        wgpu::Limits {
            max_buffer_size: offered.max_buffer_size.min(buffer_bytes),
            max_storage_buffer_binding_size: offered.max_storage_buffer_binding_size.min(binding_bytes),
            max_compute_workgroup_storage_size: offered.max_compute_workgroup_storage_size.min(most.bytes),
            max_compute_invocations_per_workgroup: invocations(offered.max_compute_invocations_per_workgroup),
            max_compute_workgroup_size_x: invocations(offered.max_compute_workgroup_size_x),
            max_compute_workgroup_size_y: invocations(offered.max_compute_workgroup_size_y),
            max_immediate_size: IMMEDIATE_BYTES,
            ..wgpu::Limits::default()
        }
    }

    /// Features to open a device on `adapter` with.
    pub fn features(self, adapter: &wgpu::Adapter) -> wgpu::Features {
        let subgroups = if self.workgroups.subgroups { SUBGROUP_FEATURES } else { wgpu::Features::empty() };
        // Timestamps time actions.
        wgpu::Features::IMMEDIATES | adapter.features() & (wgpu::Features::TIMESTAMP_QUERY | subgroups)
    }

    /// Limits on the workgroups of a device that is opened on `adapter`.
    pub fn workgroups(self, adapter: &wgpu::Adapter) -> WorkgroupLimits {
        let (limits, info) = (self.required(adapter), adapter.get_info());
        // Software drivers load values lane by lane, so it is faster if the lanes of a subgroup share their
        // loads.
        let subgroups = info.device_type == wgpu::DeviceType::Cpu
            && self.features(adapter).contains(SUBGROUP_FEATURES)
            && info.subgroup_min_size >= SUBGROUP_LANES;
        WorkgroupLimits {
            bytes: limits.max_compute_workgroup_storage_size,
            invocations: limits
                .max_compute_invocations_per_workgroup
                .min(limits.max_compute_workgroup_size_x),
            subgroups,
        }
    }
}

/// What is planned for a device of these `limits`, `features` and `workgroups`.
pub fn planned_limits(
    limits: &wgpu::Limits,
    features: wgpu::Features,
    workgroups: WorkgroupLimits,
    is_software: bool,
) -> DeviceLimits {
    DeviceLimits {
        binding_bytes: limits.max_storage_buffer_binding_size.min(limits.max_buffer_size),
        buffer_bytes: limits.max_buffer_size,
        timestamps: features.contains(wgpu::Features::TIMESTAMP_QUERY),
        workgroup_bytes: workgroups.bytes,
        invocations: workgroups.invocations,
        // Software drivers distribute workgroups, not invocations, over the CPU cores, so a workgroup is as small as a
        // vector unit.
        column_lanes: if is_software { 1 } else { DeviceLimits::default().column_lanes },
        subgroups: workgroups.subgroups,
        few_dispatches: !is_software,
        busy_elements: if is_software { SOFTWARE_ELEMENTS } else { DeviceLimits::BUSY_ELEMENTS },
    }
}

impl WorkgroupLimits {
    /// Limits that restrict nothing: no kernel has more than 256 invocations.
    pub const MOST: Self = WorkgroupLimits { bytes: u32::MAX, invocations: 256, subgroups: true };
}
