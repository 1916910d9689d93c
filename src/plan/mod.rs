//! One training step as data: what is computed when, and in which slot each value lives.
//!
//! A [`Schedule`] says in which order a [`Chain`]'s layers run forward, again, and backward. [`Plan::new`] works
//! out from it how long each value lives, packs the values into a pool of reusable slots, and
//! predicts the live bytes after every action. Nothing here knows a device.
//!
//! ```
//! use ckpt_gpu::{plan::{Chain, PoolLimits}, strategy::Strategy};
//!
//! // Eight layers whose states and deltas all take 4,096 bytes, at 1 MFLOP a layer.
//! let chain = Chain::uniform(8, 4096, 1_000_000);
//! let plan = |strategy: Strategy| strategy.plan(&chain, PoolLimits::default(), 0);
//! let (keep_all, every_third) = (plan(Strategy::StoreAll)?, plan(Strategy::EveryN(3))?);
//! assert!(every_third.pool_bytes() < keep_all.pool_bytes());
//! assert_eq!(keep_all.prediction.recomputed_layers, 0);
//! assert_eq!(every_third.prediction.recomputed_layers, 4);
//! # Ok::<(), ckpt_gpu::Error>(())
//! ```

mod action;
mod bind;
mod chain;
mod fuse;
mod interval;
mod layers;
mod lifetime;
mod pack;
mod schedule;
mod slot;

pub use action::Action;
pub use chain::{Chain, Fusible};
pub use interval::{IntervalMemory, interval_memory};
pub use layers::Layers;
pub use pack::PoolLimits;
pub use schedule::{Op, Schedule};
pub use slot::{Block, Slot, SlotId, Tenant, Value};

use std::ops::Range;

use lifetime::Values;
use pack::Pool;

use crate::Result;
use crate::memory::{ByCategory, Category};

/// The actions of one training step and of one evaluation pass, over one pool of slots.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// What it plans for.
    pub chain: Chain,
    /// The layers between neighbouring checkpoints, first to last.
    pub intervals: Vec<Range<usize>>,
    /// The buffers that values live in. Block 0 holds the batch's input; the others are the pool.
    pub blocks: Vec<Block>,
    /// Where in the blocks. Slot 0 is block 0, and no tenant of another slot is state 0.
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

impl Prediction {
    /// What running layers again costs, as a share of one forward sweep.
    pub fn recomputed_share(&self) -> f64 {
        self.recomputed_flops as f64 / self.forward_flops.max(1) as f64
    }
}

impl Plan {
    /// Gives every value of `schedule` a slot in a pool of such buffers as `limits` allows, and predicts the bytes.
    ///
    /// # Errors
    /// [`crate::Error::InvalidPlan`] where the schedule reads a value that is not there, [`crate::Error::DoesNotFit`]
    /// where a value is larger than the largest buffer.
    pub fn new(chain: &Chain, schedule: Schedule, limits: PoolLimits) -> Result<Self> {
        let (apart, fused) = Values::of(chain, schedule)?;
        let values = fused.filter(|fused| fused.live_peak <= apart.live_peak).unwrap_or(apart);
        let pool = pack::pack(&values, limits, u64::MAX)?;
        Ok(Self::bound(chain, values, pool))
    }

    /// A plan that only goes forward, and so needs no more than two states at once however many layers there are. Its step
    /// leaves the output state in the slot that its last action names.
    ///
    /// # Errors
    /// As [`Plan::new`].
    pub fn forward(chain: &Chain, limits: PoolLimits) -> Result<Self> {
        let layers = chain.layers();
        let ops = (0..layers).map(Op::forward).collect();
        Self::new(chain, Schedule { intervals: std::iter::once(0..layers).collect(), ops }, limits)
    }

    /// As [`Plan::new`], where a pool of at most `most` bytes is found; no time is spent on larger ones.
    pub(crate) fn within(
        chain: &Chain,
        schedule: Schedule,
        limits: PoolLimits,
        most: u64,
    ) -> Result<Option<Self>> {
        let (apart, fused) = Values::of(chain, schedule)?;
        for values in fused.into_iter().chain([apart]).filter(|values| values.live_peak <= most) {
            let pool = pack::pack(&values, limits, most)?;
            if pool.bytes() <= most {
                return Ok(Some(Self::bound(chain, values, pool)));
            }
        }
        Ok(None)
    }

    /// The plan whose `values` live in `pool`.
    fn bound(chain: &Chain, values: Values, pool: Pool) -> Self {
        let Values { schedule, evaluation, peak_op, .. } = values;
        let step_ops = &schedule.ops;
        let (blocks, slots) = with_input(chain.state_bytes[0], pool, peak_op);
        let (step, step_live) = bind::bind(chain.layers(), step_ops, 0, &slots);
        let (evaluation, evaluation_live) = bind::bind(chain.layers(), &evaluation, step_ops.len(), &slots);

        let peak_action = first_peak(&step_live);
        let prediction = Prediction {
            step_live,
            evaluation_live,
            peak_action,
            forward_flops: chain.forward_flops.iter().sum(),
            recomputed_layers: schedule.recomputed().count(),
            recomputed_flops: schedule.recomputed_flops(chain),
        };
        Plan {
            chain: chain.clone(),
            intervals: schedule.intervals,
            blocks,
            slots,
            step,
            evaluation,
            prediction,
        }
    }

    /// Bytes of the pool: what is allocated for checkpoints, recomputed states and deltas, and lost between them.
    pub fn pool_bytes(&self) -> u64 {
        self.pool().total()
    }

    /// Bytes of the pool by category.
    pub fn pool(&self) -> ByCategory {
        self.blocks[1..].iter().flat_map(|block| block.at_peak.iter()).collect()
    }

    /// FLOPs of the products of a step: those of the forward sweep, of what runs again, and of backward, where each
    /// layer's gradients cost as much as running it forward, and its delta as much again but for layer 0, which makes
    /// none.
    pub fn step_flops(&self) -> u64 {
        let Prediction { forward_flops, recomputed_flops, .. } = self.prediction;
        3 * forward_flops - self.chain.forward_flops[0] + recomputed_flops
    }

    /// The most bytes of the pool that live at once during a step.
    pub fn peak_live_bytes(&self) -> u64 {
        self.prediction.step_live[self.prediction.peak_action].total()
    }
}

/// Puts the input's block and slot before the pool's, and says what the pool's blocks hold after op `peak_op`.
fn with_input(input_bytes: u64, pool: Pool, peak_op: usize) -> (Vec<Block>, Vec<Slot>) {
    let Pool { block_bytes, slots: mut pool_slots } = pool;
    let input = Block { bytes: input_bytes, at_peak: ByCategory::of(Category::Batch, input_bytes) };
    let pool = block_bytes
        .iter()
        .map(|&bytes| Block { bytes, at_peak: ByCategory::of(Category::Fragmentation, bytes) });
    let mut blocks: Vec<Block> = [input].into_iter().chain(pool).collect();
    for slot in &mut pool_slots {
        slot.block += 1;
        let at_peak = &mut blocks[slot.block].at_peak;
        for tenant in slot.tenants.iter().filter(|tenant| (tenant.from..=tenant.until).contains(&peak_op)) {
            at_peak[tenant.category] += tenant.bytes;
            at_peak[Category::Fragmentation] -= tenant.bytes;
        }
    }
    let input = Slot { block: 0, offset: 0, bytes: input_bytes, tenants: Vec::new() };
    (blocks, [input].into_iter().chain(pool_slots).collect())
}

/// The most bytes of the pool that live at once in one step of `schedule`, without giving its values slots.
///
/// # Errors
/// As [`Plan::new`].
pub fn live_peak_bytes(chain: &Chain, schedule: &Schedule) -> Result<u64> {
    let live_peak = |schedule: &Schedule| {
        let tenants = lifetime::tenants(chain, schedule.ops.iter())?;
        Ok(lifetime::live_peak(&tenants).1)
    };
    let (apart, fused) = (live_peak(schedule)?, fuse::fused(chain, schedule));
    Ok(fused.as_ref().map(live_peak).transpose()?.map_or(apart, |fused| fused.min(apart)))
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
