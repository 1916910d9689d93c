//! Accounting of device memory, in bytes.
//!
//! A [`Category`] is a use of bytes, [`ByCategory`] has a number for each, the [`Ledger`] counts existing buffers, and the
//! [`LiveMeter`] counts the values that are still needed.

mod category;
mod fallible;
mod host;
mod ledger;
mod live;
mod size;

pub use category::{ByCategory, Category};
pub(crate) use fallible::fallible;
#[cfg(feature = "cli")]
pub(crate) use fallible::is_fallible;
pub use host::{available_host_bytes, check_host_memory, check_host_room};
pub use ledger::{Ledger, LedgerEntry, LedgerEvent};
pub use live::LiveMeter;
pub use size::{format_bytes, parse_bytes};
