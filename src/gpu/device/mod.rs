//! The device: its adapter and limits, memory, transfers, clock and faults.

mod adapter;
mod buffer;
mod faults;
mod limits;
mod open;
mod stopwatch;
mod transfer;

pub use adapter::{AdapterKind, adapters};
pub use buffer::Buffer;
pub use limits::{AdapterLimits, IMMEDIATE_BYTES, WorkgroupLimits};
pub use open::OpenDevice;
pub use stopwatch::{STOPWATCH_BYTES, Stopwatch};
pub use transfer::{Readback, UPLOAD_BUFFERS, Uploads};
