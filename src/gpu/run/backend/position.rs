use crate::Result;
use crate::device::{Accumulation, Task};
use crate::gpu::pipelines::MicroBatch;
use crate::model::StepParams;
use crate::plan::Op;

/// Where a run is in the current pass.
pub struct Position {
    /// Micro-batches of a mini-batch, and samples of a micro-batch.
    parts: usize,
    rows: usize,
    /// Samples of the split of the pass.
    samples: usize,
    /// `true` if gradients are clipped.
    clips: bool,
    /// By mini-batch of the pass.
    step_params: Vec<StepParams>,
    /// Micro-batches that the pass skips.
    skipped: u32,
    /// Index of the next micro-batch.
    next: u32,
    micro_batch: MicroBatch,
    accumulation: Accumulation,
    went_backward: bool,
    /// `true` if the pass has losses, which are summed at its end.
    has_losses: bool,
}

impl Position {
    pub fn new(task: &Task) -> Self {
        Position {
            parts: task.parts,
            rows: task.micro_batch,
            samples: 0,
            clips: task.rule.clip_norm.is_some(),
            step_params: Vec::with_capacity(task.steps_in_pass()),
            skipped: 0,
            next: 0,
            micro_batch: MicroBatch::default(),
            accumulation: Accumulation::Whole,
            went_backward: false,
            has_losses: false,
        }
    }

    /// Begins a pass over a split of so many `samples` that skips the first `skip` micro-batches.
    pub fn begin_pass(&mut self, samples: usize, skip: usize, step_params: &[StepParams]) {
        (self.skipped, self.next, self.has_losses) = (skip as u32, skip as u32, false);
        self.samples = samples;
        self.step_params.clear();
        self.step_params.extend_from_slice(step_params);
    }

    pub fn begin_batch(&mut self, accumulation: Accumulation) {
        let next = self.next as usize;
        let step_params = self.step_params.get(next / self.parts).copied().unwrap_or_default();
        let counted = self.samples.saturating_sub(next * self.rows).min(self.rows);
        let places = [next % self.parts * self.rows, counted];
        self.micro_batch = MicroBatch::new(self.next, places, accumulation, self.clips, step_params);
        (self.accumulation, self.went_backward) = (accumulation, false);
        self.next += 1;
    }

    /// Notes that `op` runs.
    ///
    /// # Errors
    /// As [`Accumulation::check`].
    pub fn note(&mut self, op: Op) -> Result<()> {
        self.has_losses |= op.has_loss() || op == Op::Score;
        if op.is_backward() {
            self.accumulation.check(self.parts)?;
            self.went_backward = true;
        }
        Ok(())
    }

    pub fn micro_batch(&self) -> &MicroBatch {
        &self.micro_batch
    }

    /// `true` in the last micro-batch of a mini-batch.
    pub fn is_last(&self) -> bool {
        self.accumulation.is_last()
    }

    /// `true` after a backward pass that updates parameters.
    pub fn is_end_of_step(&self) -> bool {
        self.went_backward && self.is_last()
    }

    pub fn has_losses(&self) -> bool {
        self.has_losses
    }

    /// Micro-batches of the pass so far.
    pub fn micro_batches(&self) -> u32 {
        self.next - self.skipped
    }
}
