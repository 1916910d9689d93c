//! What training asks of a backend beyond running plans.

mod accumulation;
mod fault;
mod info;
mod job;
mod limits;
mod span;

pub use accumulation::Accumulation;
pub use fault::Fault;
pub use info::{DeviceInfo, DriverMemory};
pub use job::{DatasetPlacement, Job, Task};
pub use limits::DeviceLimits;
pub use span::Span;

use crate::Result;
use crate::data::Pass;
use crate::execute::Backend;
use crate::model::{Parameters, StepParams};
use crate::plan::SlotId;

/// A backend that holds a network's parameters, takes micro-batches, and tells what came of them.
pub trait Device: Backend {
    /// What it runs on.
    fn info(&self) -> DeviceInfo;

    /// Starts a pass over a split, or goes on with one after `skip` micro-batches, with metrics at zero. Past the split's
    /// end, micro-batches repeat its last sample, which is not scored again.
    ///
    /// `step_params` are those of all the pass's mini-batches, counted from its start; none where none goes backward.
    fn begin_pass(&mut self, pass: Pass, skip: usize, step_params: &[StepParams]) -> Result<()>;

    /// Puts the pass's next micro-batch into slot 0. Until [`Device::end_batch`], backward does with its gradients
    /// what `accumulation` says; where nothing goes backward, as in an evaluation, it says nothing.
    ///
    /// # Errors
    /// [`crate::Error::DeviceLost`]. An accumulation that the job's number of parts does not meet is an error of the
    /// first backward.
    fn begin_batch(&mut self, accumulation: Accumulation) -> Result<()>;

    /// Ends what [`Device::begin_batch`] began. The work may still be under way afterwards.
    fn end_batch(&mut self) -> Result<()>;

    /// Waits for the pass's batches and reads its metrics back.
    fn end_pass(&mut self) -> Result<Metrics>;

    /// Reads all parameters back.
    fn parameters(&mut self) -> Result<Parameters>;

    /// Reads back what the optimizer remembers, as many numbers for each parameter as
    /// [`crate::model::Optimizer::moments`] says.
    fn moments(&mut self) -> Result<Vec<Parameters>>;

    /// Reads the first `elements` numbers of a slot, after everything begun so far. For checks; training reads no
    /// slots.
    fn read_slot(&mut self, slot: SlotId, elements: usize) -> Result<Vec<f32>>;

    /// Starts to time the micro-batch that was begun, lap by lap, and says whether it can.
    fn start_laps(&mut self) -> Result<bool> {
        Ok(false)
    }

    /// What was asked for since the last lap, or the start, is a lap.
    fn lap(&mut self) -> Result<()> {
        Ok(())
    }

    /// Waits for the laps, and says when each was.
    fn finish_laps(&mut self) -> Result<Vec<Span>> {
        Ok(Vec::new())
    }

    /// What the driver says of its memory, where it says anything.
    fn driver_memory(&self) -> Option<DriverMemory> {
        None
    }

    /// Buffers, bind groups and pipelines made so far.
    fn objects_made(&self) -> u64;
}

/// What a pass added up.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Metrics {
    /// Micro-batches seen.
    pub batches: u32,
    /// Correct predictions, from [`Backend::score`].
    pub correct: u32,
    /// From [`Backend::loss`], the sum over mini-batches of the mean loss, to which each micro-batch has added its
    /// share; from [`Backend::score`], the sum of the samples' losses.
    pub loss: f32,
    /// The first number that was infinite or none.
    pub fault: Option<Fault>,
}
