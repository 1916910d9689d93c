//! Errors and their exit codes.

use std::path::{Path, PathBuf};

use crate::Setting;
use crate::words::counted;

/// Any error of the crate. Its message names the setting, file or layer, what was found, what was expected, and a remedy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An invalid setting.
    #[error("{setting}: {problem}")]
    Usage {
        /// The setting at fault.
        setting: Setting,
        /// What was found, what was expected, and the remedy.
        problem: String,
    },

    /// A file that cannot be read or written, or is invalid.
    #[error("{}: {problem}", path.display())]
    File {
        /// The file at fault.
        path: PathBuf,
        /// What was found, what was expected, and the remedy.
        problem: String,
    },

    /// There is no device of the chosen kind.
    #[error("{}: {problem}; {remedy}", Setting::Device.with(wanted))]
    NoDevice {
        /// Chosen kind of device.
        wanted: String,
        /// What was found.
        problem: String,
        /// Remedy.
        remedy: String,
    },

    /// Something that is too large for the device or the host.
    #[error("does not fit: {0}")]
    DoesNotFit(String),

    /// A budget that no plan fits.
    #[error("{}: found {budget} bytes, expected at least {least}: {advice}", Setting::Budget)]
    OverBudget {
        /// The budget, in bytes.
        budget: u64,
        /// The smallest budget that a plan fits, in bytes.
        least: u64,
        /// What takes the bytes, and which settings would lower them.
        advice: String,
    },

    /// A NaN or infinite loss, gradient or parameter.
    #[error("diverged in epoch {epoch}: {problem}; use a lower {}", Setting::Lr)]
    Diverged {
        /// Index of the epoch.
        epoch: usize,
        /// What is NaN or infinite.
        problem: String,
    },

    /// A sweep whose runs have all diverged.
    #[error("no combination has a score: {} diverged; use a lower {}", counted(*runs, "run"), Setting::Lr)]
    SweepDiverged {
        /// Number of runs.
        runs: usize,
    },

    /// A run that was stopped before its last step.
    #[error("interrupted after {}; {remedy}", counted(*steps, "step"))]
    Interrupted {
        /// Number of completed steps.
        steps: u64,
        /// How to resume.
        remedy: String,
    },

    /// A kernel that the driver does not compile.
    #[error("the driver refuses the kernel {kernel}: {problem}; use another driver or device")]
    KernelRefused {
        /// Name of the kernel.
        kernel: String,
        /// What the driver says.
        problem: String,
    },

    /// A device that was lost, or that rejected work during a run.
    #[error("the device failed: {0}")]
    DeviceLost(String),

    /// Runs whose weights should be bit-identical and are not.
    #[error(
        "the weights after {strategies} are not those of {baseline}'s first run; \
         expected equal bits on one device; run ckpt-gpu check to find the fault"
    )]
    WeightsDiffer {
        /// Strategies whose weights differ.
        strategies: String,
        /// Strategy that they were compared with.
        baseline: String,
    },

    /// A recomputed state that differs from the one computed first.
    #[error(
        "step {step}, micro-batch {part}: the recomputed output of layer {layer} differs from the first one in sample \
         {sample}; this device or its driver is not deterministic: use {}, another driver or {}, and run ckpt-gpu check",
        Setting::Every.with(0),
        Setting::Device.with("cpu")
    )]
    RecomputeDiffers {
        /// Layer whose output it is.
        layer: usize,
        /// Index of the step.
        step: u64,
        /// Index of the micro-batch in the step.
        part: usize,
        /// Index of the first sample in the micro-batch that differs.
        sample: usize,
    },

    /// Failed checks of a device.
    #[error(
        "checks failed: {}; this device, its driver or a kernel computes wrong results: use {} or another driver, and \
         report the lines above with the device's name",
        failed.join(", "),
        Setting::Device.with("cpu")
    )]
    CheckFailed {
        /// Names of the checks.
        failed: Vec<String>,
    },

    /// An invalid plan.
    #[error("the plan is wrong at action {index}: {problem}")]
    InvalidPlan {
        /// Index of the action in the plan.
        index: usize,
        /// Rule that the action breaks.
        problem: String,
    },

    /// A state that the crate's own code should never reach.
    #[error(
        "internal error: {0}; this is a bug in ckpt-gpu, please report it with the command line that led here"
    )]
    Internal(String),
}

/// Result of the crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An [`Error::Usage`] about `setting`.
    pub fn usage(setting: Setting, problem: impl Into<String>) -> Self {
        Error::Usage { setting, problem: problem.into() }
    }

    /// A [`Error::File`] about `path`.
    pub fn file(path: &Path, problem: impl Into<String>) -> Self {
        Error::File { path: path.to_owned(), problem: problem.into() }
    }

    /// An [`Error::Internal`] with what should not have happened.
    pub(crate) fn internal(problem: impl Into<String>) -> Self {
        Error::Internal(problem.into())
    }

    /// Exit code of a process that ends with this error.
    pub fn exit_code(&self) -> u8 {
        match self {
            Error::InvalidPlan { .. }
            | Error::Internal(_)
            | Error::WeightsDiffer { .. }
            | Error::RecomputeDiffers { .. }
            | Error::CheckFailed { .. } => 1,
            Error::Usage { .. } => 2,
            Error::File { .. } => 3,
            Error::NoDevice { .. } => 4,
            Error::DoesNotFit(_) | Error::OverBudget { .. } => 5,
            Error::Diverged { .. } | Error::SweepDiverged { .. } => 6,
            Error::DeviceLost(_) | Error::KernelRefused { .. } => 7,
            Error::Interrupted { .. } => 130,
        }
    }
}
