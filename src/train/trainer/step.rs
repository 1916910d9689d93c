use super::Trainer;
use crate::Result;
use crate::device::{Accumulation, Span};
use crate::execute::execute;
use crate::plan::Plan;
use crate::train::timed::Timed;

impl Trainer {
    /// When each action of the last step ran, by micro-batch and without releases. Empty before the last step, unless the
    /// settings ask for timing, and on a device without a clock.
    pub fn laps(&self) -> &[Vec<Span>] {
        &self.laps
    }

    pub(super) fn step(&mut self) -> Result<()> {
        let parts = self.parts();
        for part in 0..parts {
            self.device.begin_batch(Accumulation::of(part, parts))?;
            self.run_actions(part)?;
            self.device.end_batch()?;
        }
        self.steps += 1;
        self.accounts.note_step(self.device.as_ref());
        Ok(())
    }

    /// Runs the actions of micro-batch `part`, verified or timed if the settings ask for it.
    fn run_actions(&mut self, part: usize) -> Result<()> {
        let is_timed = self.settings.diagnostics.timed && self.steps + 1 == self.total_steps();
        let (device, meter) = (self.device.as_mut(), &mut self.accounts.step_meter);
        let Plan { chain, step, .. } = &self.plan;
        if let Some(verifier) = &mut self.verifier {
            return execute(chain, step, &mut verifier.watch(device, self.steps, part), meter);
        }
        if is_timed && let Some(clock) = device.timing() {
            clock.start_laps()?;
            execute(chain, step, &mut Timed(clock), meter)?;
            self.laps.push(clock.finish_laps()?);
            return Ok(());
        }
        execute(chain, step, device, meter)
    }
}
