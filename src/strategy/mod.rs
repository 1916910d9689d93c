//! Ways of making a schedule; one file a strategy.

pub mod budget;
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

/// The n worth trying for a chain of `layers` layers: all of them, or of a long chain all small ones and then one
/// in every stretch of 5 %.
fn useful_n(layers: usize) -> impl Iterator<Item = usize> {
    let step = move |&n: &usize| Some(if layers <= 1024 { n + 1 } else { n + n.div_ceil(20) });
    std::iter::successors(Some(1), step).take_while(move |&n| n < layers).chain([layers])
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Strategy::StoreAll | Strategy::EveryN(0) => f.write_str("store-all"),
            Strategy::EveryN(n) => write!(f, "every-{n}"),
        }
    }
}
