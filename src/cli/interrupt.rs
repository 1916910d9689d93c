use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::output;

/// Whether somebody has asked for the end, by Ctrl-C or as a system does that shuts down.
#[derive(Clone)]
pub(super) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Listens from now on. The first request lets the step at hand end; the second ends the process.
    pub fn listen() -> Self {
        let asked = Arc::new(AtomicBool::new(false));
        let handler = Arc::clone(&asked);
        let heard = ctrlc::set_handler(move || {
            if handler.swap(true, Ordering::Relaxed) {
                std::process::exit(130);
            }
            output::narrate("interrupted: the step at hand is finished first; once more ends at once");
        });
        if let Err(error) = heard {
            output::narrate(&format!("Ctrl-C will end at once, without saving: {error}"));
        }
        Interrupt(asked)
    }

    pub fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
