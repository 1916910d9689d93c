use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::output::narrate;

/// How long a run goes without a word where there is no terminal.
const SILENCE: Duration = Duration::from_secs(10);

/// Shows on stderr how far training is: a bar on a terminal, else a line now and then.
pub(super) struct Progress {
    bar: ProgressBar,
    steps: u64,
    started: Instant,
    last_word: Instant,
}

impl Progress {
    pub fn new(steps: u64) -> Self {
        let bar = ProgressBar::new(steps);
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} steps, {per_sec}, {eta} left") {
            bar.set_style(style);
        }
        let now = Instant::now();
        Progress { bar, steps, started: now, last_word: now }
    }

    pub fn step(&mut self, done: u64) {
        self.bar.set_position(done);
        if self.bar.is_hidden() && self.last_word.elapsed() >= SILENCE {
            self.last_word = Instant::now();
            let rate = done as f64 / self.started.elapsed().as_secs_f64();
            narrate(&format!("step {done} of {}, {rate:.0} a second", self.steps));
        }
    }

    /// Does `print` with the bar out of the way.
    pub fn pause(&self, print: impl FnOnce()) {
        self.bar.suspend(print);
    }

    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
