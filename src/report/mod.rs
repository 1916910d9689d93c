//! What people and programs are shown of a run; one file a format. Formats see plain values only.

pub mod json;
pub mod text;

use crate::device::DeviceInfo;
use crate::train::MemoryReport;

/// The version of every JSON output's layout.
pub const SCHEMA: u32 = 1;

/// How a run ended.
#[derive(Debug, Clone)]
pub struct RunSummary<'a> {
    /// Steps made.
    pub steps: u64,
    /// Wall time of training and evaluation.
    pub seconds: f64,
    /// What it ran on.
    pub device: &'a DeviceInfo,
    /// What became of the memory.
    pub memory: &'a MemoryReport,
    /// [`crate::model::Parameters::sha256`]
    pub weights_sha256: String,
}
