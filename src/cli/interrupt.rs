use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::output;

/// Least time between two requests that a person makes.
const AGAIN: Duration = Duration::from_secs(1);

/// Requests to stop: Ctrl-C, the signal of a system that shuts down, or USR1, by which schedulers of jobs announce their end.
#[derive(Clone)]
pub(super) struct Interrupt {
    asked: Arc<AtomicBool>,
    is_trained: Arc<AtomicBool>,
}

impl Interrupt {
    /// Installs the handler. The first request stops after the current step, or scoring after training, and one that comes at least [`AGAIN`] later ends the
    /// process: schedulers send several signals at once.
    pub fn listen() -> Self {
        let asked = Arc::new(AtomicBool::new(false));
        let is_trained = Arc::new(AtomicBool::new(false));
        let (handler, is_over) = (Arc::clone(&asked), Arc::clone(&is_trained));
        let mut first = None;
        let heard = ctrlc::set_handler(move || {
            handler.store(true, Ordering::Relaxed);
            if let Some(first) = first {
                if Instant::now() - first >= AGAIN {
                    std::process::exit(130);
                }
                return;
            }
            first = Some(Instant::now());
            let stops = if is_over.load(Ordering::Relaxed) {
                "leaving out scores that are not computed yet"
            } else {
                "stopping after the current step"
            };
            output::narrate(&format!("interrupted: {stops}; interrupt again to stop at once"));
        });
        if let Err(error) = heard {
            output::narrate(&format!("Ctrl-C will stop at once, without saving: {error}"));
        }
        #[cfg(unix)]
        if let Err(error) = signal_hook::flag::register(signal_hook::consts::SIGUSR1, Arc::clone(&asked)) {
            output::narrate(&format!("the signal USR1 will stop at once, without saving: {error}"));
        }
        Interrupt { asked, is_trained }
    }

    /// Notes that no step follows.
    pub fn end_training(&self) {
        self.is_trained.store(true, Ordering::Relaxed);
    }

    pub fn is_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }
}

/// Lets writes beyond the limit on the size of files (`ulimit -f`) fail with an error, which names the file, instead of ending
/// the process by the signal XFSZ.
pub(super) fn report_full_files() {
    #[cfg(unix)]
    if let Err(error) =
        signal_hook::flag::register(signal_hook::consts::SIGXFSZ, Arc::new(AtomicBool::new(false)))
    {
        output::narrate(&format!("a limit on the size of files will end the program by a signal: {error}"));
    }
}
