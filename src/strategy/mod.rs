//! Strategies: which states to keep and which to recompute. One file each.

pub mod budget;
mod every_n;
mod store_all;

use std::fmt;

use budget::Solver;
use every_n::EveryN;

use crate::plan::{Chain, Plan, PoolLimits, least_live_bytes};
use crate::{Error, Result};

/// How to choose the states to keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    /// Keep every state.
    StoreAll,
    /// Keep every n-th state; 0 keeps all of them.
    EveryN(usize),
    /// Keep every n-th state, with the n whose peak of live bytes is lowest.
    EveryAuto,
    /// Recompute as little as a budget allows: an upper bound, in bytes, on all device memory.
    Budget(u64),
}

impl Strategy {
    /// The strategy in its canonical form: [`Strategy::EveryAuto`] becomes the n of `chain`, and `EveryN(0)`
    /// [`Strategy::StoreAll`].
    pub fn resolved(self, chain: &Chain) -> Self {
        match self {
            Strategy::EveryAuto => Strategy::EveryN(EveryN::of(chain).best()),
            Strategy::EveryN(0) => Strategy::StoreAll,
            _ => self,
        }
    }

    /// Plans one training step of `chain`, in a pool within `limits`. `beside` is the part of a budget, in
    /// bytes, that is taken by device memory outside the pool.
    ///
    /// # Errors
    /// [`Error::OverBudget`] if a budget is too small for every plan found, [`Error::DoesNotFit`] if a value
    /// is larger than the largest buffer.
    pub fn plan(self, chain: &Chain, limits: PoolLimits, beside: u64) -> Result<Plan> {
        match self {
            Strategy::StoreAll => Plan::new(chain, store_all::schedule(chain.layers()), limits),
            Strategy::EveryAuto | Strategy::EveryN(0) => self.resolved(chain).plan(chain, limits, beside),
            Strategy::EveryN(n) => Plan::new(chain, every_n::schedule(chain.layers(), n), limits),
            Strategy::Budget(bytes) => {
                let mut solver = Solver::new(chain, limits)?;
                if let Some(plan) = solver.plan(bytes.saturating_sub(beside))?.filter(|_| bytes >= beside) {
                    return Ok(plan);
                }
                let least = beside + solver.least()?;
                Err(Error::OverBudget { budget: bytes, least, advice: "allow more bytes".to_owned() })
            }
        }
    }
}

/// The least bytes that a pool takes to keep all states of `chain`, with those of its rows, but for bytes between values.
///
/// # Errors
/// [`Error::InvalidPlan`], which would be a bug.
pub(crate) fn least_stored_bytes(chain: &Chain) -> Result<u64> {
    let row_bytes: u64 = chain.row_bytes.iter().sum();
    // Rows of the forward pass, the backward pass and the evaluation.
    Ok(least_live_bytes(chain, &store_all::schedule(chain.layers()))? + 3 * row_bytes)
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Strategy::StoreAll | Strategy::EveryN(0) => f.write_str("store-all"),
            Strategy::EveryN(n) => write!(f, "every-{n}"),
            Strategy::EveryAuto => f.write_str("every-auto"),
            Strategy::Budget(bytes) => write!(f, "budget-{bytes}"),
        }
    }
}
