//! Reports of plans, runs, comparisons and evaluations, made from plain values: lines and tables for a terminal (`text`), JSON events, and
//! report files (`format`, one file or directory per format).

mod file;
mod format;
pub mod json;
mod notes;
mod number;
mod outlook;
mod score_tables;
mod sweep;
mod table;
mod tables;
pub mod text;

pub use file::ReportFile;
pub use format::{range_plot, sweep_page};
pub use outlook::{Choice, Effect, Lever, MicroBatchChoice, Outlook};
pub use sweep::{Combination, MeanScore, Ranked, SweepRun, SweepSummary};

use std::path::Path;

use crate::config::Settings;
use crate::device::{DeviceInfo, Span};
use crate::memory::ByCategory;
use crate::model::Network;
use crate::plan::Plan;
use crate::strategy::Strategy;
use crate::train::{Best, Comparison, Epoch, EvaluationRecord, MemoryReport, SplitScores};

/// Most pairs of confused classes that a report lists.
const MOST_CONFUSED: usize = 20;

/// Version of the JSON schema, which every JSON object has as `schema`.
pub const SCHEMA: u32 = 5;

/// A plan in the terms of a report.
#[derive(Debug, Clone, Copy)]
pub struct PlanSummary<'a> {
    /// Strategy that made the plan.
    pub strategy: Strategy,
    /// Network to train.
    pub network: &'a Network,
    /// Actions of a step for one micro-batch.
    pub plan: &'a Plan,
    /// Planned bytes of all buffers.
    pub planned: &'a ByCategory,
    /// Samples in a micro-batch.
    pub micro_batch: usize,
    /// Micro-batches in a mini-batch.
    pub parts: usize,
}

/// Results of a run.
#[derive(Debug, Clone)]
pub struct RunSummary<'a> {
    /// Its epochs, in order.
    pub epochs: &'a [Epoch],
    /// Its evaluations, in order: those at the end of epochs, and some or all of those within them.
    pub evaluations: &'a [EvaluationRecord],
    /// Number of steps.
    pub steps: u64,
    /// Wall time of training and evaluation, in seconds.
    pub seconds: f64,
    /// Start and end of the last step's actions except releases, a list per micro-batch; empty if they were not timed.
    pub laps: &'a [Vec<Span>],
    /// Device it ran on.
    pub device: &'a DeviceInfo,
    /// Dispatches of the last step; `None` before the first, and on the CPU.
    pub dispatches_a_step: Option<u64>,
    /// Planned and counted memory.
    pub memory: &'a MemoryReport,
    /// [`crate::model::Parameters::sha256`] of the trained parameters.
    pub weights_sha256: String,
    /// The best parameters, which are the result if they are kept.
    pub best: Option<&'a Best>,
    /// Whether it ended before its last step, because evaluations had stopped improving.
    pub stopped_early: bool,
    /// Scores of the resulting parameters on each split that is not trained on. Empty if no report shows them, if nothing is
    /// held out, or if they are not computed.
    pub results: &'a [SplitScores],
}

/// Results of evaluating a saved network.
#[derive(Debug, Clone)]
pub struct EvaluationSummary<'a> {
    /// The network.
    pub network: &'a Network,
    /// Device it ran on.
    pub device: &'a DeviceInfo,
    /// Planned bytes of all buffers.
    pub planned: &'a ByCategory,
    /// Counted bytes of all buffers at their peak.
    pub counted: &'a ByCategory,
    /// Its scores.
    pub result: &'a SplitScores,
}

/// Results of a comparison.
#[derive(Clone, Copy)]
pub struct ComparisonSummary<'a> {
    /// Network that was trained.
    pub network: &'a Network,
    /// Figures of every strategy.
    pub comparison: &'a Comparison,
}

/// Contents of a report file.
#[derive(Clone, Copy)]
pub struct Report<'a> {
    /// Settings and input files.
    pub origin: Origin<'a>,
    /// Results.
    pub content: Content<'a>,
}

/// Everything needed to repeat a command.
#[derive(Clone, Copy)]
pub enum Origin<'a> {
    /// A training run, or a plan of one.
    Run {
        /// The settings. In a comparison, their strategy is replaced by each of the compared ones.
        settings: &'a Settings,
        /// Path or name of the data.
        data: &'a Path,
        /// File of the initial parameters; `None` if they are drawn from the seed.
        init: Option<&'a Path>,
    },
    /// An evaluation of a saved network.
    Evaluation {
        /// File of the network.
        model: &'a Path,
        /// Path or name of the data.
        data: &'a Path,
        /// Share of the samples that was held out, if that was asked for.
        validation: Option<f64>,
        /// Seed that determines the samples that are held out.
        seed: u64,
        /// Samples in a batch.
        batch: usize,
    },
}

/// Results of a command.
#[derive(Clone, Copy)]
pub enum Content<'a> {
    /// A plan, with its alternatives.
    Plan(&'a Outlook<'a>),
    /// A training run, with its plan.
    Run(&'a PlanSummary<'a>, &'a RunSummary<'a>),
    /// A comparison of strategies.
    Comparison(&'a ComparisonSummary<'a>),
    /// An evaluation of a saved network.
    Evaluation(&'a EvaluationSummary<'a>),
}
