use serde::{Deserialize, Serialize};

use crate::plan::PoolLimits;

/// Limits and capabilities of a GPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceLimits {
    /// Largest binding of a kernel, in bytes.
    pub binding_bytes: u64,
    /// Largest buffer, in bytes.
    pub buffer_bytes: u64,
    /// `true` if it can time actions.
    pub timestamps: bool,
    /// Workgroup memory for the kernels of thin layers, in bytes; 0 if the device lacks what they need.
    pub workgroup_bytes: u32,
    /// Invocations of a workgroup.
    pub invocations: u32,
    /// Most invocations of a workgroup that share the columns of a thin layer.
    pub column_lanes: u32,
    /// `true` if thin layers run in workgroups of one subgroup, whose lanes share what they read.
    pub subgroups: bool,
    /// Smallest number of elements of a product's result that keeps the device busy. A smaller product takes as long.
    pub busy_elements: usize,
    /// `true` if one kernel does the work of several where it can: the last layers' forward and backward passes, and the
    /// gather of a micro-batch with layer 0. Such kernels take long to compile.
    pub few_dispatches: bool,
}

impl DeviceLimits {
    /// [`DeviceLimits::busy_elements`] of a large GPU: an estimate from 132 multiprocessors with four schedulers, each of
    /// which runs 32 invocations at a time that compute 8 × 8 elements each.
    pub const BUSY_ELEMENTS: usize = 1 << 20;

    /// Those that WebGPU guarantees, except that buffers and bindings may have up to `bytes` bytes.
    pub fn with_buffers_of(bytes: u64) -> Self {
        DeviceLimits { binding_bytes: bytes, buffer_bytes: bytes, ..DeviceLimits::default() }
    }

    /// `true` if a device may have these limits: every run needs workgroups of 64 invocations.
    pub fn are_possible(&self) -> bool {
        self.invocations >= 64 && self.column_lanes.is_power_of_two() && self.busy_elements > 0
    }

    /// Limits of a plan's pool.
    pub fn pool(self) -> PoolLimits {
        PoolLimits { block_bytes: self.buffer_bytes, ..PoolLimits::default() }
    }
}

impl Default for DeviceLimits {
    /// The limits that WebGPU guarantees: bindings of 128 MiB, buffers of 256 MiB, no clock, and no kernels of thin layers.
    fn default() -> Self {
        DeviceLimits {
            binding_bytes: 128 << 20,
            buffer_bytes: 256 << 20,
            timestamps: false,
            workgroup_bytes: 0,
            invocations: 256,
            column_lanes: 128,
            subgroups: false,
            busy_elements: Self::BUSY_ELEMENTS,
            few_dispatches: true,
        }
    }
}
