//! One training step as data: what is computed when, and in which slot each value lives.
//!
//! A [`Schedule`] is the order in which a [`Chain`]'s layers run forward, are recomputed, and run backward.
//! [`Plan::new`] derives the lifetime of each value from it, packs the values into a pool of reusable slots,
//! and predicts the live bytes after every action. Nothing here depends on a device.
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
mod caps;
mod chain;
mod fuse;
mod interval;
mod layers;
mod lifetime;
mod pack;
mod schedule;
mod slot;
mod variants;

pub(crate) use caps::caps;

pub use action::{Action, Operand, Run};
pub use chain::Chain;
pub use interval::{IntervalMemory, interval_memory};
pub use layers::Layers;
pub(crate) use pack::Effort;
pub use pack::PoolLimits;
pub use schedule::{Op, Schedule};
pub use slot::{Block, Slot, SlotId, Tenant, Value};

use std::ops::Range;

use lifetime::Values;
use pack::Pool;
use variants::Variants;

use crate::memory::{ByCategory, Category};
use crate::{Error, Result};

/// The actions of one training step and of one evaluation pass, on one pool of slots.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The chain that it plans for.
    pub chain: Chain,
    /// Layers between neighbouring checkpoints, in ascending order.
    pub intervals: Vec<Range<usize>>,
    /// Buffers that values live in. Block 0 holds the batch; the others are the pool.
    pub blocks: Vec<Block>,
    /// Ranges of the blocks. Slot 0 is block 0 and holds state 0, which is in no other slot.
    pub slots: Vec<Slot>,
    /// Actions of one training step; with gradient accumulation, of each of its micro-batches.
    pub step: Vec<Action>,
    /// Actions of one micro-batch of evaluation.
    pub evaluation: Vec<Action>,
    /// Bytes that the device keeps beside the pool for these actions: [`Chain::row_bytes`] of every layer that
    /// they run, twice if an action runs it forward and backward.
    pub row_bytes: u64,
    /// Live bytes and costs of running it.
    pub prediction: Prediction,
}

/// Live bytes and costs that a [`Plan`] predicts.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// Live bytes of the pool after each action of the step.
    pub step_live: Vec<ByCategory>,
    /// Live bytes of the pool after each action of the evaluation.
    pub evaluation_live: Vec<ByCategory>,
    /// First action of the step after which live bytes peak.
    pub peak_action: usize,
    /// FLOPs of one forward pass.
    pub forward_flops: u64,
    /// Number of layers recomputed in a step.
    pub recomputed_layers: usize,
    /// FLOPs of recomputation in a step.
    pub recomputed_flops: u64,
}

impl Prediction {
    /// FLOPs of recomputation as a share of one forward pass.
    pub fn recomputed_share(&self) -> f64 {
        self.recomputed_flops as f64 / self.forward_flops.max(1) as f64
    }
}

impl Plan {
    /// Plans `schedule`: assigns every value a slot in a pool within `limits`, and predicts the live bytes. Where the
    /// device can run layers as one action, as many do as possible, which may hold more bytes than layer by layer.
    ///
    /// # Errors
    /// [`crate::Error::InvalidPlan`] if the schedule reads a value that it has not computed,
    /// [`crate::Error::DoesNotFit`] if a value is larger than the largest buffer.
    pub fn new(chain: &Chain, schedule: Schedule, limits: PoolLimits) -> Result<Self> {
        let mut variants = Variants::of(chain, schedule, u64::MAX)?.all();
        let Some(values) = variants.next().transpose()? else {
            return Err(Error::internal("a schedule that cannot be run in any way"));
        };
        let pool = pack::pack(&values, limits, u64::MAX, Effort::Usual)?;
        Ok(Self::bound(chain, values, pool))
    }

    /// Plans a forward pass alone, which holds two states at once however many layers there are. Its step
    /// leaves the output state in the slot that its last action writes.
    ///
    /// # Errors
    /// As [`Plan::new`].
    pub fn forward(chain: &Chain, limits: PoolLimits) -> Result<Self> {
        let layers = chain.layers();
        let ops = (0..layers).map(Op::forward).collect();
        Self::new(chain, Schedule { intervals: std::iter::once(0..layers).collect(), ops }, limits)
    }

    /// As [`Plan::new`], in a pool that takes at most `most` bytes together with [`Plan::row_bytes`]; `None` if none is
    /// found. Actions run as many layers as that allows.
    pub(crate) fn within(
        chain: &Chain,
        schedule: Schedule,
        limits: PoolLimits,
        most: u64,
        effort: Effort,
    ) -> Result<Option<Self>> {
        for values in Variants::of(chain, schedule, most)?.all() {
            let values = values?;
            let Some(most) = most.checked_sub(values.row_bytes).filter(|&most| values.peak.bytes <= most)
            else {
                continue;
            };
            let pool = pack::pack(&values, limits, most, effort)?;
            if pool.bytes() <= most {
                return Ok(Some(Self::bound(chain, values, pool)));
            }
        }
        Ok(None)
    }

    /// The plan of `values` that live in `pool`.
    fn bound(chain: &Chain, values: Values, pool: Pool) -> Self {
        let Values { schedule, evaluation, peak, row_bytes, .. } = values;
        let step_ops = &schedule.ops;
        let (blocks, slots) = with_input(chain.state_bytes[0], pool, peak.op);
        let step = bind::bind(chain.layers(), step_ops, 0, &slots);
        let evaluation = bind::bind(chain.layers(), &evaluation, step_ops.len(), &slots);

        let peak_action = first_peak(&step.live);
        let prediction = Prediction {
            step_live: step.live,
            evaluation_live: evaluation.live,
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
            step: step.actions,
            evaluation: evaluation.actions,
            row_bytes,
            prediction,
        }
    }

    /// What the actions of the step run, and then those of the evaluation.
    pub fn runs(&self) -> impl Iterator<Item = &Run> {
        self.step.iter().chain(&self.evaluation).filter_map(Action::run)
    }

    /// Size in bytes of the pool, and of what the device keeps beside it for the plan's actions.
    pub fn bytes(&self) -> u64 {
        self.pool_bytes() + self.row_bytes
    }

    /// Size of the pool in bytes: checkpoints, recomputed states, deltas, and fragmentation.
    pub fn pool_bytes(&self) -> u64 {
        self.pool().total()
    }

    /// Size of the pool in bytes, by category at the peak.
    pub fn pool(&self) -> ByCategory {
        self.blocks[1..].iter().flat_map(|block| block.at_peak.iter()).collect()
    }

    /// FLOPs of a step's matrix products: the forward pass, recomputation, and the backward pass. In the
    /// latter, the gradients of a layer cost as much as its forward pass, and so does the delta of the layer
    /// below, which layer 0 does not compute.
    pub fn step_flops(&self) -> u64 {
        let Prediction { forward_flops, recomputed_flops, .. } = self.prediction;
        3 * forward_flops - self.chain.forward_flops[0] + recomputed_flops
    }

    /// Peak of the pool's live bytes during a step.
    pub fn peak_live_bytes(&self) -> u64 {
        self.prediction.step_live[self.prediction.peak_action].total()
    }
}

/// Puts the block and slot of the batch before those of the pool, and books the pool's blocks by category
/// after op `peak_op`.
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

/// Peak of the pool's live bytes in one step of `schedule` as [`Plan::new`] plans it, computed without assigning slots.
///
/// # Errors
/// As [`Plan::new`].
pub fn live_peak_bytes(chain: &Chain, schedule: &Schedule) -> Result<u64> {
    variants::fused_peak(chain, schedule, u64::MAX)
}

/// The lowest peak of the pool's live bytes in one step of `schedule`, however its layers are fused.
///
/// # Errors
/// As [`Plan::new`].
pub(crate) fn least_live_bytes(chain: &Chain, schedule: &Schedule) -> Result<u64> {
    let unfused = Chain { fusible: Vec::new(), ..chain.clone() };
    Ok(variants::fused_peak(chain, schedule, 0)?.min(variants::fused_peak(&unfused, schedule, 0)?))
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
