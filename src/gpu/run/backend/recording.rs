//! Recording of compute passes and their submission.

use wgpu::CommandEncoder;

use super::Gpu;
use super::recordable::Recordable;
use crate::execute::Work;
use crate::{Error, Result};

/// FLOPs per submission: enough to amortise its overhead, and few enough not to trigger the driver's hang
/// detection.
const SUBMISSION_FLOPS: u64 = 2_000_000_000;
pub(super) const SUBMISSION_BATCHES: usize = 8;
/// Submissions in flight before the host waits for the oldest.
const SUBMISSIONS_IN_FLIGHT: usize = 3;

impl Gpu {
    pub(super) fn record(&mut self, work: Work) -> Result<()> {
        match (&mut self.recording, self.work.find(work)) {
            (Some((_, pass)), Some(Recordable { dispatches, flops, .. })) => {
                dispatches.iter().for_each(|dispatch| dispatch.record(pass, &self.micro_batch));
                self.dispatches += dispatches.len() as u64;
                self.recorded.1 += flops;
            }
            _ => {
                return Err(Error::internal(format!("no dispatches were prepared for {work:?}")));
            }
        }
        if self.recorded.1 >= SUBMISSION_FLOPS && !self.is_timing {
            self.flush();
            self.keep_up()?;
        }
        Ok(())
    }

    /// Submits the recording, so that results can be read back, and starts a new one.
    pub(super) fn flush(&mut self) {
        if self.submit() {
            let encoder = self.device.encoder();
            self.go_on_with(encoder);
        }
    }

    pub(super) fn go_on_with(&mut self, mut encoder: CommandEncoder) {
        let pass = encoder.begin_compute_pass(&Default::default()).forget_lifetime();
        self.recording = Some((encoder, pass));
    }

    /// Waits for the oldest submissions while too many are in flight.
    pub(super) fn keep_up(&mut self) -> Result<()> {
        while self.in_flight.len() > SUBMISSIONS_IN_FLIGHT {
            self.device.wait(self.in_flight.pop_front())?;
        }
        Ok(())
    }

    /// Submits the recording. Returns `true` if there was one.
    pub(super) fn submit(&mut self) -> bool {
        let encoder = self.end_recorded_pass();
        let is_any = encoder.is_some();
        encoder.into_iter().for_each(|encoder| self.submit_encoder(encoder));
        is_any
    }

    pub(super) fn end_recorded_pass(&mut self) -> Option<CommandEncoder> {
        let (encoder, pass) = self.recording.take()?;
        drop(pass);
        Some(encoder)
    }

    pub(super) fn begin_lap(&mut self, mut encoder: CommandEncoder) {
        self.recording = self.stopwatch.as_ref().map(|stopwatch| {
            let pass = stopwatch.begin(&mut encoder);
            (encoder, pass)
        });
    }

    /// Submits the recording and reads its laps back.
    pub(super) fn read_laps(&mut self, mut encoder: CommandEncoder) -> Result<()> {
        self.stopwatch.iter().for_each(|stopwatch| stopwatch.resolve(&mut encoder));
        self.submit_encoder(encoder);
        let Gpu { device, readback, stopwatch, .. } = self;
        stopwatch.iter_mut().try_for_each(|stopwatch| stopwatch.read(device, readback))
    }

    fn submit_encoder(&mut self, encoder: CommandEncoder) {
        self.recorded = (0, 0);
        let submission = self.device.queue.submit([encoder.finish()]);
        self.source.submitted(&mut self.uploads, &submission);
        self.in_flight.push_back(submission);
    }
}
