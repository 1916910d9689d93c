use std::time::{Duration, Instant};

use indicatif::{FormattedDuration, HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::delayed::Delayed;
use super::output;
use crate::memory::{Ledger, format_bytes};
use crate::train::Trainer;

/// Longest time between two lines if stderr is not a terminal.
const SILENCE: Duration = Duration::from_secs(10);
/// Time before a wait is explained.
const PATIENCE: Duration = Duration::from_secs(2);
/// Time between two updates of the figures beside the bar.
const REFRESH: Duration = Duration::from_millis(200);

/// Progress on stderr: a bar on a terminal, else a line now and then, with the same figures.
pub(super) struct Progress {
    bar: ProgressBar,
    steps: u64,
    batch: usize,
    /// Steps completed before this run.
    first: u64,
    started: Instant,
    last_word: Instant,
    loss: Option<f32>,
    /// Counted bytes, and planned bytes.
    memory: Option<(Ledger, u64)>,
    /// Explains why the first step takes long.
    first_step: Option<Delayed>,
}

/// Says on stderr, unless it is dropped first, why a device takes long to get ready.
pub(super) fn explain_preparation() -> Delayed {
    Delayed::new(PATIENCE, || output::narrate("preparing the device, whose driver may be compiling kernels"))
}

impl Progress {
    /// Progress of `steps` steps of `batch` samples.
    pub fn new(steps: u64, batch: usize) -> Self {
        let bar = ProgressBar::new(steps);
        if output::is_quiet() {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        if let Ok(style) = ProgressStyle::with_template("{wide_bar} {pos}/{len} steps{prefix}\n{wide_msg}") {
            bar.set_style(style);
        }
        let now = Instant::now();
        Progress {
            bar,
            steps,
            batch,
            first: 0,
            started: now,
            last_word: now,
            loss: None,
            memory: None,
            first_step: None,
        }
    }

    /// Progress of `trainer`'s remaining steps.
    pub fn of(trainer: &Trainer, batch: usize) -> Self {
        let mut progress = Progress::new(trainer.total_steps(), batch);
        progress.first = trainer.steps();
        progress.memory = Some((trainer.ledger().clone(), trainer.planned().total()));
        progress.bar.set_position(trainer.steps());
        if !trainer.device().is_cpu() {
            let bar = progress.bar.clone();
            progress.first_step = Some(Delayed::new(PATIENCE, move || {
                let why = "waiting for the first step; the device's driver may be compiling kernels";
                bar.set_message(why);
                if bar.is_hidden() {
                    output::narrate(why);
                }
            }));
        }
        progress
    }

    pub fn step(&mut self, done: u64) {
        self.first_step = None;
        self.bar.set_position(done);
        let is_hidden = self.bar.is_hidden();
        if self.last_word.elapsed() < if is_hidden { SILENCE } else { REFRESH } {
            return;
        }
        self.last_word = Instant::now();
        let [far, fast] = self.figures(done, self.started.elapsed());
        if is_hidden {
            output::narrate(&format!("step {done} of {}{far}, {fast}", self.steps));
        } else {
            self.bar.set_prefix(far);
            self.bar.set_message(fast);
        }
    }

    /// Sets the loss to show.
    pub fn loss(&mut self, loss: f32) {
        self.loss = Some(loss);
    }

    /// Calls `print` with the bar hidden.
    pub fn pause(&self, print: impl FnOnce()) {
        self.bar.suspend(print);
    }

    /// The rest of the bar's line, and a second line; each fits 80 columns.
    fn figures(&self, done: u64, elapsed: Duration) -> [String; 2] {
        let rate = done.saturating_sub(self.first) as f64 / elapsed.as_secs_f64().max(1e-9);
        let left = Duration::try_from_secs_f64(self.steps.saturating_sub(done) as f64 / rate).ok();
        let left = left.map(|left| format!(", {} left", FormattedDuration(left)));
        let loss = self.loss.map(|loss| format!(", loss {loss:.6}"));

        let count = |rate: f64| match rate {
            ..10.0 => format!("{rate:.2}"),
            _ => HumanCount(rate.round() as u64).to_string(),
        };
        let memory = self.memory.as_ref().map(|(ledger, planned)| {
            let [now, peak] = [ledger.allocated(), ledger.at_peak()].map(|bytes| format_bytes(bytes.total()));
            format!(", {now} on the device, peak {peak}, planned {}", format_bytes(*planned))
        });
        let steps = format!(", {} steps/s", count(rate));
        let samples = format!("{} samples/s", count(rate * self.batch as f64));
        [[Some(steps), left, loss].into_iter().flatten().collect(), samples + &memory.unwrap_or_default()]
    }
}

impl Drop for Progress {
    /// Removes the bar before anything else is printed.
    fn drop(&mut self) {
        self.first_step = None;
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{ByCategory, Category};

    #[test]
    fn figures_are_of_this_run() {
        let ledger = Ledger::new();
        let bytes = |bytes| ByCategory::of(Category::Parameters, bytes);
        let _stays = ledger.book("stays", bytes(2048));
        drop(ledger.book("goes", bytes(1024)));
        let mut progress = Progress::new(101_000, 100);
        progress.first = 1000;
        progress.memory = Some((ledger, 4096));
        let memory = "2.0 KiB on the device, peak 3.0 KiB, planned 4.0 KiB";
        assert_eq!(
            progress.figures(3000, Duration::from_secs(4)),
            [", 500 steps/s, 00:03:16 left".to_owned(), format!("50,000 samples/s, {memory}")]
        );
        progress.loss(0.25);
        assert_eq!(
            progress.figures(1001, Duration::from_secs(8)),
            [", 0.12 steps/s, 9d 06:13:12 left, loss 0.250000".to_owned(), format!("13 samples/s, {memory}")]
        );
        // The remaining time is unknown.
        assert_eq!(progress.figures(1000, Duration::ZERO)[0], ", 0.00 steps/s, loss 0.250000");
    }
}
