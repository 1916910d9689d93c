//! What can go wrong, and what to do about it.

use std::path::{Path, PathBuf};

use crate::Setting;

/// Every failure the crate reports. Each message names the flag, file or layer, what was found, what was
/// expected, and what would mend it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting that cannot be used.
    #[error("{setting}: {problem}")]
    Usage {
        /// The setting at fault.
        setting: Setting,
        /// What was found, what was expected, and the remedy.
        problem: String,
    },

    /// A data or model file that cannot be read, trusted or written.
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
        /// What was found instead.
        problem: String,
        /// What to do about it.
        remedy: String,
    },

    /// Something is larger than the device can hold or bind, or than the host's memory.
    #[error("does not fit: {0}")]
    DoesNotFit(String),

    /// A memory budget that no plan keeps.
    #[error("{}: found {budget} bytes, expected at least {least}: {advice}", Setting::Budget)]
    OverBudget {
        /// What may be allocated on the device, in bytes.
        budget: u64,
        /// What must be allocated at least.
        least: u64,
        /// What takes it, and which settings would lower it.
        advice: String,
    },

    /// The loss or a parameter stopped being a number.
    #[error("diverged in epoch {epoch}: {problem}; use a lower {}", Setting::Lr)]
    Diverged {
        /// Epoch, counted from 0.
        epoch: usize,
        /// What was read back.
        problem: String,
    },

    /// Somebody asked for the end before the last step.
    #[error("interrupted after {steps} steps; {remedy}")]
    Interrupted {
        /// Steps made.
        steps: u64,
        /// How to go on.
        remedy: String,
    },

    /// The device went away, or refused work it had accepted before.
    #[error("the device failed: {0}")]
    DeviceLost(String),

    /// Trainings that ought to be equal, and are not.
    #[error(
        "the weights after {strategies} are not those of {baseline}'s first run; \
         expected equal bits on one device: let ckpt-gpu check tell what is wrong with it"
    )]
    WeightsDiffer {
        /// Whose weights differ.
        strategies: String,
        /// From whose.
        baseline: String,
    },

    /// A state that came out differently when it was recomputed.
    #[error(
        "step {step}, micro-batch {part}: the recomputed output of layer {layer} differs from the first one in sample \
         {sample}; this device or its driver is not deterministic: use {}, another driver or {}, and run ckpt-gpu check",
        Setting::Every.with(0),
        Setting::Device.with("cpu")
    )]
    RecomputeDiffers {
        /// The layer whose output it is.
        layer: usize,
        /// Steps made before.
        step: u64,
        /// The micro-batch of that step.
        part: usize,
        /// The first sample of that micro-batch that differs.
        sample: usize,
    },

    /// Checks of a device that did not hold.
    #[error(
        "checks failed: {}; this device, its driver or a kernel computes wrong results: use {} or another driver, and \
         report the lines above with the device's name",
        failed.join(", "),
        Setting::Device.with("cpu")
    )]
    CheckFailed {
        /// Their names.
        failed: Vec<String>,
    },

    /// A plan that reads what is not there; a bug in the strategy that made it.
    #[error("the plan is wrong at action {index}: {problem}")]
    InvalidPlan {
        /// Position of the action in the plan.
        index: usize,
        /// The rule that the action breaks.
        problem: String,
    },

    /// A state that the crate's own code should never reach.
    #[error(
        "internal error: {0}; this is a bug in ckpt-gpu, please report it with the command line that led here"
    )]
    Internal(String),
}

/// The crate's result.
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

    /// The process exit code that stands for this error.
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
            Error::Diverged { .. } => 6,
            Error::DeviceLost(_) => 7,
            Error::Interrupted { .. } => 130,
        }
    }
}
