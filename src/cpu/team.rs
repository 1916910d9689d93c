//! Threads for parts of work so small that waking a thread takes as long. They are woken once, by [`together`], and poll for
//! the parts of [`each`] without going to sleep.
//!
//! A thread waits here only if another has taken one of its parts. Threads take the oldest jobs of others first, so by then
//! the jobs that keep threads awake are taken, too. This does not hold for a rayon pool that is `breadth_first`.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::{Error, Result};

/// Starts the threads of the pool, if they are not there yet.
///
/// # Errors
/// [`Error::DoesNotFit`] if the system refuses one.
pub fn start_threads() -> Result<()> {
    match rayon::ThreadPoolBuilder::new().build_global() {
        // Without a source, the error is that they are there.
        Err(error) if std::error::Error::source(&error).is_some() => Err(Error::DoesNotFit(format!(
            "the threads of the cpu backend cannot be started ({error}); raise the limit on processes or memory, or set \
             RAYON_NUM_THREADS=1"
        ))),
        _ => Ok(()),
    }
}

/// Runs `work` in the thread pool, with `threads` of its threads awake until it returns.
pub(super) fn together<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
    let open = AtomicUsize::new(1);
    rayon::scope(|scope| {
        let _closes = Closes(&open);
        for _ in 1..threads {
            scope.spawn(|_| stay_awake_until_closed(&open));
        }
        work()
    })
}

/// Runs `work` on each of `parts`: the first on this thread, the others on any thread that is awake.
pub(super) fn each<T: Send>(parts: impl IntoIterator<Item = T>, work: impl Fn(T) + Sync) {
    let mut parts = parts.into_iter().peekable();
    let Some(first) = parts.next() else { return };
    if parts.peek().is_none() {
        return work(first);
    }
    let (open, work) = (AtomicUsize::new(0), &work);
    rayon::in_place_scope(|scope| {
        for part in parts {
            open.fetch_add(1, Ordering::Relaxed);
            let closes = Closes(&open);
            scope.spawn(move |_| {
                let _closes = closes;
                work(part);
            });
        }
        work(first);
        stay_awake_until_closed(&open);
    });
}

fn stay_awake_until_closed(open: &AtomicUsize) {
    while open.load(Ordering::Acquire) > 0 {
        if rayon::yield_now() != Some(rayon::Yield::Executed) {
            std::thread::yield_now();
        }
    }
}

/// Lowers the count of open jobs when dropped, also by a panic.
struct Closes<'a>(&'a AtomicUsize);

impl Drop for Closes<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Release);
    }
}
