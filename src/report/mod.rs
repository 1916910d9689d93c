//! Reports of plans, runs and comparisons, made from plain values: lines and tables for a terminal (`text`), JSON events, and
//! report files (`format`, one file or directory per format).

mod file;
mod format;
pub mod json;
mod notes;
mod number;
mod outlook;
mod table;
mod tables;
pub mod text;

pub use file::{ReportFile, check};
pub use outlook::{Choice, MicroBatchChoice, Outlook};

use std::path::Path;

use crate::config::Settings;
use crate::device::{DeviceInfo, Span};
use crate::memory::ByCategory;
use crate::model::Network;
use crate::plan::Plan;
use crate::strategy::Strategy;
use crate::train::{Comparison, Epoch, MemoryReport};

/// The version of every JSON output's layout.
pub const SCHEMA: u32 = 3;

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
    /// Each of its epochs.
    pub epochs: &'a [Epoch],
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

/// What was compared, and how it came out.
#[derive(Clone, Copy)]
pub struct ComparisonSummary<'a> {
    /// What was trained.
    pub network: &'a Network,
    /// How it came out.
    pub comparison: &'a Comparison,
}

/// What a report file is made from.
#[derive(Clone, Copy)]
pub struct Report<'a> {
    /// What was asked for.
    pub origin: Origin<'a>,
    /// What there is to tell.
    pub content: Content<'a>,
}

/// All that it takes to do the same again.
#[derive(Clone, Copy)]
pub struct Origin<'a> {
    /// The settings; where strategies are compared, each in the place of theirs.
    pub settings: &'a Settings,
    /// Where the data is from.
    pub data: &'a Path,
    /// The file of the initial parameters; `None` where they are drawn from the seed.
    pub init: Option<&'a Path>,
}

/// What there is to tell.
#[derive(Clone, Copy)]
pub enum Content<'a> {
    /// What `ckpt-gpu plan` tells.
    Plan(&'a Outlook<'a>),
    /// What `ckpt-gpu train` did.
    Run(&'a PlanSummary<'a>, &'a RunSummary<'a>),
    /// What `ckpt-gpu compare` found.
    Comparison(&'a ComparisonSummary<'a>),
}
