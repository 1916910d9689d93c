use std::fmt;

use serde::Serialize;

/// A device, in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeviceInfo {
    /// The adapter's or processor's name.
    pub name: String,
    /// `discrete-gpu`, `integrated-gpu`, `virtual-gpu`, `software`, `cpu`, `other`, or `assumed` where
    /// it is only planned for.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// `vulkan`, `metal`, `dx12`, `cpu`, or nothing where it is only planned for.
    pub backend: String,
    /// The driver and its version, or nothing.
    pub driver: String,
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

/// Device memory as the driver's allocator counts it, in bytes. On a software driver these are requested, not
/// resident, bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct DriverMemory {
    /// In buffers, the driver's own among them.
    pub allocated: u64,
    /// In the blocks that hold these.
    pub reserved: u64,
}
