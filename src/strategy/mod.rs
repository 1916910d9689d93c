//! Ways of making a plan; one file a strategy.

pub mod budget;
mod every_n;
mod store_all;

use std::fmt;

use budget::Solver;

use crate::plan::{Chain, Plan, PoolLimits, live_peak_bytes};
use crate::{Error, Result};

/// How to choose what is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    /// Keep every state.
    StoreAll,
    /// Keep every n-th state; 0 keeps all.
    EveryN(usize),
    /// Keep every n-th state, with the n that needs the least memory.
    EveryAuto,
    /// Recompute as little as these bytes on the device allow, the pool and all else together.
    Budget(u64),
}

impl Strategy {
    /// The strategy itself, with the n of `chain` in the place of [`Strategy::EveryAuto`].
    ///
    /// # Errors
    /// [`Error::InvalidPlan`] where a schedule is wrong, which would be a bug.
    pub fn resolved(self, chain: &Chain) -> Result<Self> {
        match self {
            Strategy::EveryAuto => Ok(Strategy::EveryN(best_n(chain)?)),
            _ => Ok(self),
        }
    }

    /// The plan of one training step of `chain`, in a pool of such buffers as `limits` allows. `beside` is how many
    /// bytes of a budget other things than the pool take.
    ///
    /// # Errors
    /// [`Error::OverBudget`] where a budget is too small for every plan found.
    pub fn plan(self, chain: &Chain, limits: PoolLimits, beside: u64) -> Result<Plan> {
        match self {
            Strategy::StoreAll => Plan::new(chain, store_all::schedule(chain.layers()), limits),
            Strategy::EveryN(0) => Plan::new(chain, store_all::schedule(chain.layers()), limits),
            Strategy::EveryN(n) => Plan::new(chain, every_n::schedule(chain.layers(), n), limits),
            Strategy::EveryAuto => {
                Plan::new(chain, every_n::schedule(chain.layers(), best_n(chain)?), limits)
            }
            Strategy::Budget(bytes) => {
                let mut solver = Solver::new(chain, limits)?;
                if let Some(plan) = solver.plan(bytes.saturating_sub(beside))?.filter(|_| bytes >= beside) {
                    return Ok(plan);
                }
                let least = beside + solver.least()?;
                Err(Error::OverBudget { budget: bytes, least, advice: "give it more".to_owned() })
            }
        }
    }
}

/// The n of which the fewest bytes live at once, and among equals the one that recomputes least.
///
/// # Errors
/// [`Error::InvalidPlan`] where a schedule is wrong, which would be a bug.
fn best_n(chain: &Chain) -> Result<usize> {
    let mut best = (u64::MAX, u64::MAX, 0);
    for n in useful_n(chain.layers()) {
        let schedule = every_n::schedule(chain.layers(), n);
        best = best.min((live_peak_bytes(chain, &schedule)?, schedule.recomputed_flops(chain), n));
    }
    Ok(best.2)
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
            Strategy::EveryAuto => f.write_str("every-auto"),
            Strategy::Budget(bytes) => write!(f, "budget-{bytes}"),
        }
    }
}
