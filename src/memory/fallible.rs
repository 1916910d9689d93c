use std::cell::Cell;

thread_local! {
    static IS_FALLIBLE: Cell<bool> = const { Cell::new(false) };
}

/// Runs `reserve`, which reports a failed allocation itself. A global allocator may ask [`is_fallible`].
pub fn fallible<T>(reserve: impl FnOnce() -> T) -> T {
    let before = IS_FALLIBLE.replace(true);
    let reserved = reserve();
    IS_FALLIBLE.set(before);
    reserved
}

/// `true` within [`fallible`] on this thread.
pub fn is_fallible() -> bool {
    // At the end of a thread there may be no such variable any more.
    IS_FALLIBLE.try_with(Cell::get).unwrap_or(false)
}
