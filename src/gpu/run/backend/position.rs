use crate::Result;
use crate::device::Accumulation;
use crate::gpu::pipelines::MicroBatch;
use crate::model::StepParams;
use crate::plan::Op;

/// Where a run is in the current pass.
pub struct Position {
    /// Micro-batches of a mini-batch.
    parts: usize,
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
    tally: Option<Tally>,
}

/// The kind of pass whose losses are summed at its end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Tally {
    Training,
    Evaluation,
}

impl Position {
    pub fn new(parts: usize, steps_in_pass: usize, clips: bool) -> Self {
        Position {
            parts,
            clips,
            step_params: Vec::with_capacity(steps_in_pass),
            skipped: 0,
            next: 0,
            micro_batch: MicroBatch::default(),
            accumulation: Accumulation::Whole,
            went_backward: false,
            tally: None,
        }
    }

    /// Begins a pass that skips the first `skip` micro-batches.
    pub fn begin_pass(&mut self, skip: usize, step_params: &[StepParams]) {
        (self.skipped, self.next, self.tally) = (skip as u32, skip as u32, None);
        self.step_params.clear();
        self.step_params.extend_from_slice(step_params);
    }

    pub fn begin_batch(&mut self, accumulation: Accumulation) {
        let step_params = self.step_params.get(self.next as usize / self.parts).copied().unwrap_or_default();
        self.micro_batch = MicroBatch::new(self.next, accumulation, self.clips, step_params);
        (self.accumulation, self.went_backward) = (accumulation, false);
        self.next += 1;
    }

    /// Notes that `op` runs.
    ///
    /// # Errors
    /// As [`Accumulation::check`].
    pub fn note(&mut self, op: Op) -> Result<()> {
        if op.has_loss() {
            self.tally = Some(Tally::Training);
        }
        if op == Op::Score {
            self.tally = Some(Tally::Evaluation);
        }
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

    pub fn tally(&self) -> Option<Tally> {
        self.tally
    }

    /// Micro-batches of the pass so far.
    pub fn micro_batches(&self) -> u32 {
        self.next - self.skipped
    }
}
