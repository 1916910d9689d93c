//! Lifetimes of a schedule's values, and the peak of live bytes that follows from them.

use super::{Chain, Op, Schedule, Tenant, Value};
use crate::memory::Category;
use crate::{Error, Result};

/// The ops of a training step and of an evaluation, with the lifetimes of their values.
pub(super) struct Values {
    pub schedule: Schedule,
    pub evaluation: Vec<Op>,
    pub tenants: Vec<Tenant>,
    pub peak: Peak,
    /// Bytes that the device keeps beside the pool.
    pub row_bytes: u64,
}

/// The most bytes that are live at once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Peak {
    /// First op after which so many bytes are live.
    pub op: usize,
    pub bytes: u64,
}

impl Values {
    pub fn new(chain: &Chain, schedule: Schedule, evaluation: Vec<Op>) -> Result<Self> {
        let tenants = tenants(chain, schedule.ops.iter().chain(&evaluation))?;
        let peak = live_peak(&tenants);
        let row_bytes = schedule.ops.iter().chain(&evaluation).map(|&op| row_bytes(chain, op)).sum();
        Ok(Values { schedule, evaluation, tenants, peak, row_bytes })
    }
}

/// Bytes that the device keeps beside the pool for `op`.
fn row_bytes(chain: &Chain, op: Op) -> u64 {
    let of_layer = |layer: usize| chain.row_bytes.get(layer).copied().unwrap_or(0);
    // A row for the forward pass, and another for the backward pass.
    let passes = if op.is_forward() && op.is_backward() { 2 } else { 1 };
    op.layers().map_or(0, |layers| passes * layers.range().map(of_layer).sum::<u64>())
}

/// Lifetimes of all values that `ops` write, each from the op that writes it to the last one that reads it.
///
/// State 0 is the batch. It is there from the start, and is not among them. Nor are states between the layers of one op
/// that no other op reads.
pub(super) fn tenants<'a>(chain: &Chain, ops: impl Iterator<Item = &'a Op>) -> Result<Vec<Tenant>> {
    let layers = chain.layers();
    let mut tenants: Vec<(Tenant, Op)> = Vec::new();
    // Position in `tenants` of each state, and then of each delta.
    let mut current: Vec<Option<usize>> = vec![None; 2 * layers + 1];
    let index_of = |value: Value| match value {
        Value::State(state) => state,
        Value::Delta(layer) => layers + 1 + layer,
    };

    for (index, &op) in ops.enumerate() {
        for value in op.reads(layers).filter(|&value| value != Value::State(0)) {
            let Some(position) = current[index_of(value)] else {
                return Err(Error::InvalidPlan {
                    index,
                    problem: format!("{op:?} reads {value}, which no op has written"),
                });
            };
            let (tenant, writer) = &mut tenants[position];
            tenant.until = index;
            // A state of the forward pass that the loss or the backward pass reads is a checkpoint.
            let is_needed_later = op.has_loss() || op.is_backward();
            if let (Op::Forward(_), true, Value::State(_)) = (&writer, is_needed_later, value) {
                tenant.category = Category::Checkpoints;
            }
        }
        for value in op.computes(layers) {
            let category = match value {
                // Only its own backward pass reads it.
                Value::State(_) if op.is_backward() => Category::Checkpoints,
                Value::State(_) => Category::Recomputed,
                Value::Delta(_) => Category::Deltas,
            };
            let bytes = chain.bytes_of(value);
            current[index_of(value)] = Some(tenants.len());
            tenants.push((Tenant { value, category, bytes, from: index, until: index }, op));
        }
    }
    let is_in_memory = |&(tenant, op): &(Tenant, Op)| match op {
        Op::Forward(run) | Op::Recompute(run) => {
            tenant.until > tenant.from || tenant.value == Value::State(run.end)
        }
        _ => true,
    };
    Ok(tenants.into_iter().filter(is_in_memory).map(|(tenant, _)| tenant).collect())
}

/// Peak of the live bytes of `tenants`.
pub(super) fn live_peak(tenants: &[Tenant]) -> Peak {
    let mut peak = Peak::default();
    for (op, bytes) in live(tenants).into_iter().enumerate() {
        if bytes > peak.bytes {
            peak = Peak { op, bytes };
        }
    }
    peak
}

/// Live bytes of `tenants` during each op, up to the last that reads one.
pub(super) fn live(tenants: &[Tenant]) -> Vec<u64> {
    let last = tenants.iter().map(|tenant| tenant.until).max().unwrap_or(0);
    let (mut written, mut released) = (vec![0; last + 1], vec![0; last + 2]);
    for tenant in tenants {
        written[tenant.from] += tenant.bytes;
        released[tenant.until + 1] += tenant.bytes;
    }
    let mut live = 0;
    let during = written.iter().zip(released).map(|(written, released)| {
        live = live + written - released;
        live
    });
    during.collect()
}
