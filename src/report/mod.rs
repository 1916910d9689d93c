//! What people and programs are shown of a run; one file a format. Formats see plain values only.

mod csv;
mod file;
mod html;
pub mod json;
mod outlook;
pub mod text;
mod trace;

pub use file::{ReportFile, check};
pub use outlook::{Choice, MicroBatchChoice, Outlook};

use crate::device::{DeviceInfo, Span};
use crate::memory::ByCategory;
use crate::model::Network;
use crate::plan::Plan;
use crate::strategy::Strategy;
use crate::train::{Epoch, MemoryReport};

/// The version of every JSON output's layout.
pub const SCHEMA: u32 = 2;

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
    /// Each epoch with its wall time, its evaluation's included, in seconds.
    pub epochs: &'a [(Epoch, f64)],
    /// Steps made.
    pub steps: u64,
    /// Wall time of training and evaluation.
    pub seconds: f64,
    /// When each action of the last step ran that is no release, micro-batch by micro-batch; empty where it was not
    /// timed.
    pub laps: &'a [Vec<Span>],
    /// What it ran on.
    pub device: &'a DeviceInfo,
    /// What became of the memory.
    pub memory: &'a MemoryReport,
    /// [`crate::model::Parameters::sha256`]
    pub weights_sha256: String,
}

/// What a report file is made from.
#[derive(Debug, Clone, Copy)]
pub enum Report<'a> {
    /// What `ckpt-gpu plan` tells.
    Plan(&'a Outlook<'a>),
    /// What `ckpt-gpu train` did.
    Run(&'a PlanSummary<'a>, &'a RunSummary<'a>),
}

impl<'a> Report<'a> {
    /// The plan that it is about.
    pub fn summary(&self) -> &PlanSummary<'a> {
        match self {
            Report::Plan(outlook) => &outlook.summary,
            Report::Run(summary, _) => summary,
        }
    }

    /// What came of it, where it was run.
    pub fn run(&self) -> Option<&'a RunSummary<'a>> {
        match self {
            Report::Plan(_) => None,
            Report::Run(_, run) => Some(run),
        }
    }
}
