use std::fmt;

use serde::Serialize;

/// Name and kind of a device, for the user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeviceInfo {
    /// Name of the adapter or processor.
    pub name: String,
    /// `discrete-gpu`, `integrated-gpu`, `virtual-gpu`, `software`, `cpu` or `other`; `assumed` for a device that is only
    /// planned for.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// `vulkan`, `metal`, `dx12` or `cpu`; empty for a device that is only planned for.
    pub backend: String,
    /// Driver and version; may be empty.
    pub driver: String,
}

impl DeviceInfo {
    /// `true` for the host's processor.
    pub fn is_cpu(&self) -> bool {
        self.kind == "cpu"
    }
}

impl fmt::Display for DeviceInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}", self.name, self.kind)?;
        for part in [&self.backend, &self.driver].into_iter().filter(|part| !part.is_empty()) {
            write!(f, ", {part}")?;
        }
        f.write_str(")")
    }
}

/// Device memory as counted by the driver's allocator. A software driver counts requested bytes, not resident ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct DriverMemory {
    /// Bytes in buffers, including the driver's own.
    pub allocated: u64,
    /// Bytes in the blocks that hold these buffers.
    pub reserved: u64,
}
