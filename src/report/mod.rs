//! What people and programs are shown of a run; one file a format. Formats see plain values only.

pub mod json;
mod outlook;
pub mod text;

pub use outlook::{Choice, MicroBatchChoice, Outlook};

use crate::device::DeviceInfo;
use crate::memory::ByCategory;
use crate::model::Network;
use crate::plan::Plan;
use crate::strategy::Strategy;
use crate::train::MemoryReport;

/// The version of every JSON output's layout.
pub const SCHEMA: u32 = 1;

/// What a run is going to do.
#[derive(Debug, Clone, Copy)]
pub struct PlanSummary<'a> {
    /// What made the plan.
    pub strategy: Strategy,
    /// What is trained.
    pub network: &'a Network,
    /// What a step does to each of its micro-batches.
    pub plan: &'a Plan,
    /// Bytes of all buffers.
    pub planned: &'a ByCategory,
    /// Samples in a micro-batch.
    pub micro_batch: usize,
    /// Micro-batches in a mini-batch.
    pub parts: usize,
}

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
