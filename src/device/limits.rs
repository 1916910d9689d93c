use crate::plan::PoolLimits;

/// What a GPU can take at once, and do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceLimits {
    /// The most bytes that a kernel can see through one binding.
    pub binding_bytes: u64,
    /// The largest buffer, in bytes.
    pub buffer_bytes: u64,
    /// Whether it can time actions.
    pub timestamps: bool,
    /// Bytes of memory of its own that a workgroup has for running layers together; 0 where kernels cannot.
    pub workgroup_bytes: u32,
    /// The most workgroups worth having where each keeps gradients of its own.
    pub chain_groups: usize,
    /// Whether layers run together in workgroups of one subgroup, whose lanes pass on what they read.
    pub subgroups: bool,
}

impl DeviceLimits {
    /// What they mean for a plan's pool.
    pub fn pool(self) -> PoolLimits {
        PoolLimits { block_bytes: self.buffer_bytes, ..PoolLimits::default() }
    }
}

impl Default for DeviceLimits {
    /// What WebGPU promises of every GPU: bindings of 128 MiB, buffers of 256 MiB, no clock. Layers run one by one.
    fn default() -> Self {
        DeviceLimits {
            binding_bytes: 128 << 20,
            buffer_bytes: 256 << 20,
            timestamps: false,
            workgroup_bytes: 0,
            chain_groups: 0,
            subgroups: false,
        }
    }
}
