//! Lifetimes of a schedule's values, and the peak of live bytes that follows from them.

use super::{Chain, Op, Schedule, Tenant, Value, fuse, schedule};
use crate::memory::Category;
use crate::{Error, Result};

/// The ops of a training step and of an evaluation, with the lifetimes of their values.
pub(super) struct Values {
    pub schedule: Schedule,
    pub evaluation: Vec<Op>,
    pub tenants: Vec<Tenant>,
    pub peak: Peak,
}

/// The most bytes that are live at once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Peak {
    /// First op after which so many bytes are live.
    pub op: usize,
    pub bytes: u64,
}

/// A schedule layer by layer, and fused if the device can run several layers as one action.
pub(super) struct Variants {
    pub unfused: Values,
    pub fused: Option<Values>,
}

impl Variants {
    pub fn of(chain: &Chain, schedule: Schedule) -> Result<Self> {
        let evaluation = schedule::evaluation(chain.layers());
        let fused = fuse::fused(chain, &schedule).map(|fused| {
            let evaluation = fused_evaluation(chain, &fused, &evaluation)?;
            Values::new(chain, fused, evaluation)
        });
        Ok(Variants { unfused: Values::new(chain, schedule, evaluation)?, fused: fused.transpose()? })
    }
}

impl Values {
    fn new(chain: &Chain, schedule: Schedule, evaluation: Vec<Op>) -> Result<Self> {
        let tenants = tenants(chain, schedule.ops.iter().chain(&evaluation))?;
        let peak = live_peak(&tenants);
        Ok(Values { schedule, evaluation, tenants, peak })
    }
}

/// The evaluation with as few actions as possible, or with the actions of the `step` if that would exceed its
/// peak.
fn fused_evaluation(chain: &Chain, step: &Schedule, evaluation: &[Op]) -> Result<Vec<Op>> {
    let peak_bytes = |ops: &[Op]| Ok::<_, Error>(live_peak(&tenants(chain, ops.iter())?).bytes);
    let fused = fuse::forward_fused(chain, evaluation);
    if peak_bytes(&fused)? <= peak_bytes(&step.ops)? {
        return Ok(fused);
    }
    let forward = step.ops.iter().copied().take_while(|op| *op != Op::Loss);
    Ok(forward.chain([Op::Score]).collect())
}

/// Lifetimes of all values that `ops` write, each from the op that writes it to the last one that reads it.
///
/// State 0 is the batch. It is there from the start, and is not among them.
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
        let (reads, writes) = access(op, layers);
        for value in reads.into_iter().flatten().filter(|&value| value != Value::State(0)) {
            let Some(position) = current[index_of(value)] else {
                return Err(Error::InvalidPlan {
                    index,
                    problem: format!("{op:?} reads {value}, which no op has written"),
                });
            };
            let (tenant, writer) = &mut tenants[position];
            tenant.until = index;
            // A state of the forward pass that the loss or the backward pass reads is a checkpoint.
            if let (Op::Forward(_), Op::Loss | Op::Backward(_), Value::State(_)) = (&writer, op, value) {
                tenant.category = Category::Checkpoints;
            }
        }
        if let Some(value) = writes {
            let (bytes, category) = match value {
                Value::State(state) => (chain.state_bytes[state], Category::Recomputed),
                Value::Delta(layer) => (chain.delta_bytes[layer], Category::Deltas),
            };
            current[index_of(value)] = Some(tenants.len());
            tenants.push((Tenant { value, category, bytes, from: index, until: index }, op));
        }
    }
    Ok(tenants.into_iter().map(|(tenant, _)| tenant).collect())
}

/// Peak of the live bytes of `tenants`.
pub(super) fn live_peak(tenants: &[Tenant]) -> Peak {
    let last = tenants.iter().map(|tenant| tenant.until).max().unwrap_or(0);
    let (mut written, mut released) = (vec![0; last + 1], vec![0; last + 2]);
    for tenant in tenants {
        written[tenant.from] += tenant.bytes;
        released[tenant.until + 1] += tenant.bytes;
    }
    let (mut peak, mut live) = (Peak::default(), 0);
    for op in 0..=last {
        live = live + written[op] - released[op];
        if live > peak.bytes {
            peak = Peak { op, bytes: live };
        }
    }
    peak
}

/// Values that `op` reads, and the one that it writes.
fn access(op: Op, layers: usize) -> ([Option<Value>; 2], Option<Value>) {
    match op {
        Op::Forward(run) | Op::Recompute(run) => {
            ([Some(Value::State(run.first)), None], Some(Value::State(run.end)))
        }
        Op::Loss => ([Some(Value::State(layers)), None], Some(Value::Delta(layers - 1))),
        Op::Backward(run) => (
            [Some(Value::State(run.first)), Some(Value::Delta(run.last()))],
            run.first.checked_sub(1).map(Value::Delta),
        ),
        Op::Score => ([Some(Value::State(layers)), None], None),
    }
}
