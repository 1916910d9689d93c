use std::cell::Cell;

thread_local! {
    static IS_FALLIBLE: Cell<bool> = const { Cell::new(false) };
}

/// Runs `reserve`, which reports a failed allocation itself. The allocator of the command line asks whether it is so.
pub fn fallible<T>(reserve: impl FnOnce() -> T) -> T {
    let before = IS_FALLIBLE.replace(true);
    let reserved = reserve();
    IS_FALLIBLE.set(before);
    reserved
}

/// `true` within [`fallible`] on this thread.
#[cfg(feature = "cli")]
pub fn is_fallible() -> bool {
    // At the end of a thread there may be no such variable any more.
    IS_FALLIBLE.try_with(Cell::get).unwrap_or(false)
}
