//! One training step as data: what is computed when, and in which slot each value lives.
//!
//! A [`Schedule`] says in which order a [`Chain`]'s layers run forward, again, and backward. [`Plan::new`] works
//! out from it how long each value lives, packs the values into a pool of reusable slots, and
//! predicts the live bytes after every action. Nothing here knows a device.
//!
//! ```
//! use ckpt_gpu::{plan::{Chain, Plan}, strategy::Strategy};
//!
//! // Eight layers whose states and deltas all take 4,096 bytes, at 1 MFLOP a layer.
//! let chain = Chain::uniform(8, 4096, 1_000_000);
//! let keep_all = Plan::new(&chain, Strategy::StoreAll.schedule(&chain))?;
//! let every_third = Plan::new(&chain, Strategy::EveryN(3).schedule(&chain))?;
//! assert!(every_third.pool_bytes() < keep_all.pool_bytes());
//! assert_eq!(keep_all.prediction.recomputed_layers, 0);
//! assert_eq!(every_third.prediction.recomputed_layers, 4);
//! # Ok::<(), ckpt_gpu::Error>(())
//! ```

mod action;
mod bind;
mod chain;
mod interval;
mod lifetime;
mod schedule;
mod slot;

pub use action::{Action, SlotId};
pub use chain::Chain;
pub use interval::{IntervalMemory, interval_memory};
pub use schedule::{Op, Schedule};
pub use slot::{Slot, Tenant, Value};

use std::ops::Range;

use crate::Result;
use crate::memory::ByCategory;

/// The actions of one training step and of one evaluation pass, over one pool of slots.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// What it plans for.
    pub chain: Chain,
    /// The layers between neighbouring checkpoints, first to last.
    pub intervals: Vec<Range<usize>>,
    /// The pool. Slot 0 holds the batch's input and nothing else; no tenant of another slot is state 0.
    pub slots: Vec<Slot>,
    /// One training step, or what it does to each of its micro-batches.
    pub step: Vec<Action>,
    /// One micro-batch of evaluation.
    pub evaluation: Vec<Action>,
    /// What running it will show.
    pub prediction: Prediction,
}

/// What a [`Plan`] says about itself before it runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// Bytes of the pool's live values after each action of the step.
    pub step_live: Vec<ByCategory>,
    /// Bytes of the pool's live values after each action of the evaluation.
    pub evaluation_live: Vec<ByCategory>,
    /// The first action of the step after which the most bytes live.
    pub peak_action: usize,
    /// FLOPs of one forward sweep.
    pub forward_flops: u64,
    /// How many layers run again.
    pub recomputed_layers: usize,
    /// FLOPs of running them again.
    pub recomputed_flops: u64,
}

impl Plan {
    /// Gives every value of `schedule` a slot, and predicts the bytes.
    ///
    /// # Errors
    /// [`crate::Error::InvalidPlan`] where the schedule reads a value that is not there.
    pub fn new(chain: &Chain, schedule: Schedule) -> Result<Self> {
        let Schedule { intervals, ops: step_ops } = schedule;
        let evaluation_ops = schedule::evaluation(chain.layers());
        let tenants = lifetime::tenants(chain, step_ops.iter().chain(&evaluation_ops))?;
        let mut slots = slot::assign(chain.state_bytes[0], tenants);
        let (step, step_live) = bind::bind(chain.layers(), &step_ops, 0, &slots);
        let (evaluation, evaluation_live) =
            bind::bind(chain.layers(), &evaluation_ops, step_ops.len(), &slots);

        let peak_action = first_peak(&step_live);
        let peak_op = step[..peak_action].iter().filter(|action| !action.is_release()).count();
        for slot in &mut slots[1..] {
            slot.category = slot.category_at(peak_op);
        }

        let recomputed = step_ops.iter().filter_map(|op| match op {
            Op::Recompute(layer) => Some(*layer),
            _ => None,
        });
        let prediction = Prediction {
            step_live,
            evaluation_live,
            peak_action,
            forward_flops: chain.forward_flops.iter().sum(),
            recomputed_layers: recomputed.clone().count(),
            recomputed_flops: recomputed.map(|layer| chain.forward_flops[layer]).sum(),
        };
        Ok(Plan { chain: chain.clone(), intervals, slots, step, evaluation, prediction })
    }

    /// Bytes of the pool: what is allocated for checkpoints, recomputed states and deltas.
    pub fn pool_bytes(&self) -> u64 {
        self.slots[1..].iter().map(|slot| slot.bytes).sum()
    }

    /// The most bytes of the pool that live at once during a step.
    pub fn peak_live_bytes(&self) -> u64 {
        self.prediction.step_live[self.prediction.peak_action].total()
    }
}

fn first_peak(live: &[ByCategory]) -> usize {
    let mut peak = 0;
    for (index, bytes) in live.iter().enumerate() {
        if bytes.total() > live[peak].total() {
            peak = index;
        }
    }
    peak
}
