use std::alloc::{GlobalAlloc, Layout, System};
use std::io::Write;

use crate::Error;
use crate::memory::is_fallible;

/// The system's allocator, which ends the program with exit code 5 and a message where the system has no memory left, instead
/// of by a signal; not for callers that say that they report it themselves.
pub struct ReportingAllocator;

// SAFETY: Every call goes to `System`, with the arguments as they came, and what it returns is returned unless it is null.
unsafe impl GlobalAlloc for ReportingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: The caller's promises about `layout` are those that `System` asks for.
        checked(unsafe { System.alloc(layout) }, layout.size())
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: As in `alloc`.
        checked(unsafe { System.alloc_zeroed(layout) }, layout.size())
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: As in `alloc`; `block` is one of `System`'s.
        checked(unsafe { System.realloc(block, layout, size) }, size)
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: As in `realloc`.
        unsafe { System.dealloc(block, layout) }
    }
}

fn checked(block: *mut u8, bytes: usize) -> *mut u8 {
    if block.is_null() && !is_fallible() {
        refuse(bytes);
    }
    block
}

/// Ends the program without asking for memory.
#[cold]
fn refuse(bytes: usize) -> ! {
    let mut digits = [b'0'; 20];
    let (mut left, mut first) = (bytes, digits.len());
    while left > 0 || first == digits.len() {
        first -= 1;
        digits[first] = b'0' + (left % 10) as u8;
        left /= 10;
    }
    let mut stderr = std::io::stderr();
    for text in [
        &b"ckpt-gpu: does not fit: the host refuses a buffer of "[..],
        &digits[first..],
        b" bytes; free memory, raise the limit on memory or address space, or use a smaller network, batch or file\n",
    ] {
        let _ = stderr.write_all(text);
    }
    std::process::exit(Error::DoesNotFit(String::new()).exit_code().into())
}
