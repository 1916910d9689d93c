//! NumPy's file formats: `.npz`, a zip archive of `.npy` arrays, and single `.npy` files.
//!
//! [`Archive`] reads one member at a time and trusts nothing unchecked. It compares sizes before it inflates
//! anything, grows memory with the bytes that arrive rather than the bytes that are declared, and reads every
//! member to its end, which verifies its CRC-32. [`write()`] replaces a file only by a complete one.

mod directory;
mod dtype;
mod header;
pub(in crate::data) mod npy;
mod read;
mod shown;
mod write;

pub use dtype::{Array, Values};
pub(in crate::data) use header::extent;
#[cfg(all(feature = "cli", any(test, fuzzing)))]
pub(crate) use npy::read_from as read_npy;
pub use read::{Archive, MAX_INFLATED_BYTES};
pub(crate) use shown::{shown, some_of};
pub use write::{Elements, Entry, write};
