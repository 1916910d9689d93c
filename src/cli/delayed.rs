use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// A message about work that takes long. It is dropped when the work ends, which may be before the message is due.
pub(super) struct Delayed {
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Delayed {
    /// Calls `say` after `delay`.
    pub fn new(delay: Duration, say: impl FnOnce() + Send + 'static) -> Self {
        let (end, ended) = mpsc::channel();
        let wait = move || {
            if ended.recv_timeout(delay) == Err(RecvTimeoutError::Timeout) {
                say();
            }
        };
        // Without a thread the work goes on in silence.
        Delayed { end: Some(end), thread: thread::Builder::new().spawn(wait).ok() }
    }
}

impl Drop for Delayed {
    fn drop(&mut self) {
        drop(self.end.take());
        // Nothing is said after the work has ended.
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_long_work_is_spoken_of() {
        let (said, heard) = mpsc::channel();
        let say = said.clone();
        let short = Delayed::new(Duration::from_secs(3600), move || say.send("short").unwrap());
        drop(short);
        let long = Delayed::new(Duration::ZERO, move || said.send("long").unwrap());
        assert_eq!(heard.recv(), Ok("long"));
        drop(long);
        assert!(heard.recv().is_err());
    }
}
