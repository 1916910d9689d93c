use std::collections::VecDeque;
use std::time::Instant;

use wgpu::{CommandEncoder, ComputePass, SubmissionIndex};

use super::pace::{Amount, Pace};
use crate::Result;
use crate::gpu::device::{OpenDevice, Stopwatch};

/// Submissions in flight before the host waits for the oldest.
const SUBMISSIONS_IN_FLIGHT: usize = 3;

/// A compute pass that is being recorded, and the submissions in flight.
pub struct Recorder {
    device: OpenDevice,
    recording: Option<(CommandEncoder, ComputePass<'static>)>,
    recorded: Amount,
    in_flight: VecDeque<(SubmissionIndex, Amount)>,
    /// When the last submission that was waited for was done.
    last_done: Option<Instant>,
    pace: Pace,
}

impl Recorder {
    pub fn new(device: OpenDevice) -> Self {
        let pace = Pace::new(device.is_software());
        Recorder {
            device,
            recording: None,
            recorded: Amount::default(),
            in_flight: VecDeque::new(),
            last_done: None,
            pace,
        }
    }

    /// The pass that is being recorded.
    pub fn pass(&mut self) -> Option<&mut ComputePass<'static>> {
        self.recording.as_mut().map(|(_, pass)| pass)
    }

    /// Begins a pass.
    pub fn begin(&mut self, mut encoder: CommandEncoder) {
        let pass = encoder.begin_compute_pass(&Default::default()).forget_lifetime();
        self.recording = Some((encoder, pass));
    }

    /// Begins a pass that `stopwatch` times.
    pub fn begin_lap(&mut self, mut encoder: CommandEncoder, stopwatch: &Stopwatch) {
        let pass = stopwatch.begin(&mut encoder);
        self.recording = Some((encoder, pass));
    }

    /// Ends the pass, if there is one.
    pub fn end(&mut self) -> Option<CommandEncoder> {
        self.recording.take().map(|(encoder, _)| encoder)
    }

    pub fn submit(&mut self, encoder: CommandEncoder) -> SubmissionIndex {
        let submission = self.device.queue.submit([encoder.finish()]);
        self.in_flight.push_back((submission.clone(), std::mem::take(&mut self.recorded)));
        submission
    }

    pub fn add_flops(&mut self, flops: u64) {
        self.recorded.flops += flops;
    }

    pub fn add_micro_batch(&mut self) {
        self.recorded.micro_batches += 1;
    }

    /// `true` if the recording should be submitted.
    pub fn is_full(&self) -> bool {
        self.pace.is_enough(self.recorded)
    }

    /// Waits for the oldest submissions while too many are in flight.
    pub fn keep_up(&mut self) -> Result<()> {
        let excess = self.in_flight.len().saturating_sub(SUBMISSIONS_IN_FLIGHT);
        let mut done = Amount::default();
        let mut newest = None;
        for (submission, amount) in self.in_flight.drain(..excess) {
            done.flops += amount.flops;
            done.micro_batches += amount.micro_batches;
            newest = Some(submission);
        }
        if newest.is_none() {
            return Ok(());
        }
        self.device.wait(newest)?;
        let now = Instant::now();
        if let Some(last) = self.last_done.replace(now) {
            self.pace.note(done, now - last);
        }
        Ok(())
    }

    /// Waits for all submissions.
    pub fn wait(&mut self) -> Result<()> {
        self.forget();
        self.device.wait(None)
    }

    /// Notes that all submissions are done, or will be waited for by other means.
    pub fn forget(&mut self) {
        self.in_flight.clear();
        self.last_done = None;
    }
}
