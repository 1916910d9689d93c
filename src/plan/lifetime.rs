use super::{Chain, Op, Schedule, Tenant, Value, fuse, schedule};
use crate::memory::Category;
use crate::{Error, Result};

/// A step and an evaluation, and their values.
pub(super) struct Values {
    pub schedule: Schedule,
    pub evaluation: Vec<Op>,
    pub tenants: Vec<Tenant>,
    /// The first op after which the most bytes live, and these bytes.
    pub peak_op: usize,
    pub live_peak: u64,
}

impl Values {
    /// Those of `schedule` as it is, and with fewer actions where the device runs layers together.
    pub fn of(chain: &Chain, schedule: Schedule) -> Result<(Self, Option<Self>)> {
        let evaluation = schedule::evaluation(chain.layers());
        let fused = fuse::fused(chain, &schedule).map(|fused| {
            let evaluation = Self::fused_evaluation(chain, &fused, &evaluation)?;
            Self::in_order(chain, fused, evaluation)
        });
        Ok((Self::in_order(chain, schedule, evaluation)?, fused.transpose()?))
    }

    /// With as few actions as can be, or where that would hold more than the `step` does, with those of the step.
    fn fused_evaluation(chain: &Chain, step: &Schedule, evaluation: &[Op]) -> Result<Vec<Op>> {
        let peak = |ops: &[Op]| Ok::<_, Error>(live_peak(&tenants(chain, ops.iter())?).1);
        let fused = fuse::forward_fused(chain, evaluation);
        if peak(&fused)? <= peak(&step.ops)? {
            return Ok(fused);
        }
        let forward = step.ops.iter().copied().take_while(|op| *op != Op::Loss);
        Ok(forward.chain([Op::Score]).collect())
    }

    fn in_order(chain: &Chain, schedule: Schedule, evaluation: Vec<Op>) -> Result<Self> {
        let tenants = tenants(chain, schedule.ops.iter().chain(&evaluation))?;
        let (peak_op, live_peak) = live_peak(&tenants);
        Ok(Values { schedule, evaluation, tenants, peak_op, live_peak })
    }
}

/// How long each value that `ops` make lives: from the op that writes it to the last one that reads it.
///
/// State 0 is the batch's input; it is there from the start and is not among the answers.
pub(super) fn tenants<'a>(chain: &Chain, ops: impl Iterator<Item = &'a Op>) -> Result<Vec<Tenant>> {
    let layers = chain.layers();
    let mut tenants: Vec<(Tenant, Op)> = Vec::new();
    // Where each state is among them, and then each delta.
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
                    problem: format!("{op:?} reads {value}, never made"),
                });
            };
            let (tenant, made_by) = &mut tenants[position];
            tenant.until = index;
            // A state of the forward sweep that loss or backward reads was kept for it; any other passes through.
            if let (Op::Forward(_), Op::Loss | Op::Backward(_), Value::State(_)) = (&made_by, op, value) {
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

/// The first op after which the most bytes of `tenants` live, and these bytes.
pub(super) fn live_peak(tenants: &[Tenant]) -> (usize, u64) {
    let last = tenants.iter().map(|tenant| tenant.until).max().unwrap_or(0);
    let (mut come, mut go) = (vec![0; last + 1], vec![0; last + 2]);
    for tenant in tenants {
        come[tenant.from] += tenant.bytes;
        go[tenant.until + 1] += tenant.bytes;
    }
    let (mut peak, mut live) = ((0, 0), 0);
    for op in 0..=last {
        live = live + come[op] - go[op];
        if live > peak.1 {
            peak = (op, live);
        }
    }
    peak
}

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
