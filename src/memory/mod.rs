//! Where every device byte is accounted for.
//!
//! A [`Category`] says what bytes are for, [`ByCategory`] holds one number for each, the [`Ledger`] counts the
//! buffers that exist, and the [`LiveMeter`] counts the values that are still needed.

mod category;
mod host;
mod ledger;
mod live;
mod size;

pub use category::{ByCategory, Category};
pub use host::{available_host_bytes, check_host_memory, check_host_room};
pub use ledger::{Ledger, LedgerEntry, LedgerEvent};
pub use live::LiveMeter;
pub use size::{format_bytes, parse_bytes};
