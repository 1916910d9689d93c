//! Threads that share out work in parts so small that to wake a thread for each would take as long. So they are woken once,
//! by [`together`], and look for [`each`] part without going to sleep.
//!
//! A thread may come to wait here only where another has taken one of its parts, and by then, oldest first, the jobs that keep
//! threads awake. So the pool must not be one of rayon's `breadth_first`.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Does `work` in the pool of threads, with `threads` of them awake until it is done.
pub(super) fn together<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
    let open = AtomicUsize::new(1);
    rayon::scope(|scope| {
        let _closes = Closes(&open);
        (1..threads).for_each(|_| scope.spawn(|_| stay_awake_until_closed(&open)));
        work()
    })
}

/// Does `work` for every one of `parts`: the first here, the others wherever a thread is awake.
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

/// One less is open once this is dropped, also by a panic.
struct Closes<'a>(&'a AtomicUsize);

impl Drop for Closes<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Release);
    }
}
