//! What training asks of a backend beyond running plans.

mod accumulation;
mod fault;
mod info;
mod inspect;
mod job;
mod limits;
mod read;
mod timing;

pub use accumulation::Accumulation;
pub use fault::Fault;
pub use info::{DeviceInfo, DriverMemory};
pub use inspect::Inspect;
pub use job::{DatasetPlacement, Division, Initial, Job, Task};
pub use limits::DeviceLimits;
pub use read::{Piece, Values, read_all};
pub use timing::{Span, Timing};

use crate::Result;
use crate::data::Pass;
use crate::execute::Backend;
use crate::model::{Parameters, StepParams};

/// A backend that holds a network's parameters, takes micro-batches, and reports the metrics of a pass.
pub trait Device: Backend + Inspect {
    /// Name and kind of the device.
    fn info(&self) -> DeviceInfo;

    /// Starts a pass over a split with metrics at zero, or resumes one after `skip` micro-batches. Past the split's end,
    /// micro-batches repeat its last sample, which is not scored again.
    ///
    /// `step_params` has one entry for each mini-batch of the whole pass; it is empty for a pass without backward.
    ///
    /// # Errors
    /// [`crate::Error::DeviceLost`]
    fn begin_pass(&mut self, pass: Pass, skip: usize, step_params: &[StepParams]) -> Result<()>;

    /// Puts the pass's next micro-batch into slot 0. Until [`Device::end_batch`], `accumulation` says what backward does
    /// with gradients; an evaluation ignores it.
    ///
    /// # Errors
    /// [`crate::Error::DeviceLost`]. An accumulation that the job's number of micro-batches rules out is an error of the
    /// first backward.
    fn begin_batch(&mut self, accumulation: Accumulation) -> Result<()>;

    /// Ends the micro-batch of [`Device::begin_batch`]. Its work may still be running afterwards.
    ///
    /// # Errors
    /// [`crate::Error::DeviceLost`]
    fn end_batch(&mut self) -> Result<()>;

    /// Waits for the pass's micro-batches, and reads its metrics back.
    ///
    /// # Errors
    /// [`crate::Error::DeviceLost`]
    fn end_pass(&mut self) -> Result<Metrics>;

    /// Reads `values` of all layers, after all work so far, and passes them to `take` in order, piece by piece: the CPU backend
    /// copies none, and a GPU as much as its staging buffer holds.
    ///
    /// # Errors
    /// [`crate::Error::DeviceLost`], and those of `take`.
    fn read(&mut self, values: Values, take: &mut dyn FnMut(Piece) -> Result<()>) -> Result<()>;

    /// Frees the device and returns the parameters, which the CPU backend moves rather than copies.
    ///
    /// # Errors
    /// [`crate::Error::DeviceLost`]
    fn into_parameters(self: Box<Self>) -> Result<Parameters>;

    /// Exchanges the parameters with their moving average, if there is one.
    ///
    /// # Errors
    /// [`crate::Error::DeviceLost`]
    fn swap_average(&mut self) -> Result<()>;

    /// Slices of a micro-batch whose gradients are summed apart, if their number depends on the machine. The bits of a run
    /// depend on it, so a run that is resumed keeps it, by [`Task::slices`].
    fn slices(&self) -> Option<usize> {
        None
    }

    /// The device's clock, if it has one that this job asked for.
    fn timing(&mut self) -> Option<&mut dyn Timing> {
        None
    }
}

/// Sums over a pass.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Metrics {
    /// Micro-batches seen.
    pub batches: u32,
    /// Correct predictions, from [`Op::Score`](crate::plan::Op::Score).
    pub correct: u32,
    /// From ops [with the loss](crate::plan::Op::has_loss), the sum over mini-batches of the mean loss, to which each
    /// micro-batch adds its share; from [`Op::Score`](crate::plan::Op::Score), the sum of the samples' losses.
    pub loss: f32,
    /// The first NaN or infinite value.
    pub fault: Option<Fault>,
}
