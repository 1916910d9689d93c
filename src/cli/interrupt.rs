use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::output;

/// Requests to stop: Ctrl-C, the signal of a system that shuts down, or USR1, by which schedulers of jobs announce their end.
#[derive(Clone)]
pub(super) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Installs the handler. The first request stops after the current step, the second ends the process.
    pub fn listen() -> Self {
        let asked = Arc::new(AtomicBool::new(false));
        let handler = Arc::clone(&asked);
        let heard = ctrlc::set_handler(move || {
            if handler.swap(true, Ordering::Relaxed) {
                std::process::exit(130);
            }
            output::narrate("interrupted: stopping after the current step; interrupt again to stop at once");
        });
        if let Err(error) = heard {
            output::narrate(&format!("Ctrl-C will stop at once, without saving: {error}"));
        }
        #[cfg(unix)]
        if let Err(error) = signal_hook::flag::register(signal_hook::consts::SIGUSR1, Arc::clone(&asked)) {
            output::narrate(&format!("the signal USR1 will stop at once, without saving: {error}"));
        }
        Interrupt(asked)
    }

    pub fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
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
