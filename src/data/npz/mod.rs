//! NumPy's `.npz`: a zip whose members are `.npy` arrays; and such an array in a file by itself.
//!
//! [`Archive`] reads one member at a time and checks before it trusts: sizes are compared before anything is
//! inflated, memory grows with the bytes that arrive and never with the bytes that are promised, and every member
//! is read to its end so that its CRC-32 is verified. [`write()`] replaces a file only by a complete one.

mod directory;
mod elements;
mod header;
pub(in crate::data) mod npy;
mod read;
mod write;

pub use elements::{Array, Values};
pub(in crate::data) use header::extent;
pub use read::{Archive, MAX_INFLATED_BYTES};
pub use write::{Elements, Entry, check_writable, write};

const MAX_CHARS_SHOWN: usize = 80;

/// Text from a file, made fit for a message: shortened, and without what would move a terminal's cursor.
pub(in crate::data) fn shown(text: &str) -> String {
    let mut shown = String::new();
    for (count, c) in text.chars().enumerate() {
        match c {
            _ if count == MAX_CHARS_SHOWN => {
                shown.push('…');
                break;
            }
            c if c.is_control() => shown.extend(c.escape_default()),
            c => shown.push(c),
        }
    }
    shown
}
