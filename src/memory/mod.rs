//! Where every device byte is accounted for.
//!
//! A [`Category`] says what bytes are for, [`ByCategory`] holds one number for each, the [`Ledger`] counts the
//! buffers that exist, and the [`LiveMeter`] counts the values that are still needed.

mod category;
mod ledger;
mod live;

pub use category::{ByCategory, Category};
pub use ledger::{Ledger, LedgerEntry};
pub use live::LiveMeter;
