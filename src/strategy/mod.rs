//! Ways of making a schedule; one file a strategy.

mod every_n;
mod store_all;

use std::fmt;

use crate::plan::{Chain, Schedule};

/// How to choose what is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    /// Keep every state.
    StoreAll,
    /// Keep every n-th state; 0 keeps all.
    EveryN(usize),
}

impl Strategy {
    /// The order of one training step of `chain`.
    pub fn schedule(self, chain: &Chain) -> Schedule {
        match self {
            Strategy::StoreAll | Strategy::EveryN(0) => store_all::schedule(chain.layers()),
            Strategy::EveryN(n) => every_n::schedule(chain.layers(), n),
        }
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Strategy::StoreAll | Strategy::EveryN(0) => f.write_str("store-all"),
            Strategy::EveryN(n) => write!(f, "every-{n}"),
        }
    }
}
