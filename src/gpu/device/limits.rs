/// Bytes of immediate data that a device has to offer.
pub const IMMEDIATE_BYTES: u32 = 68;

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

impl WorkgroupLimits {
    /// Limits that restrict nothing: no kernel has more than 256 invocations.
    pub const MOST: Self = WorkgroupLimits { bytes: u32::MAX, invocations: 256, subgroups: true };
}
