//! Fuses adjacent layers into one action where a device can: fewer actions, and states between layers that nothing else
//! reads never reach its memory.
//!
//! Strategies order single layers; fusion makes fewer actions of them, and no layer runs more often than before.

use super::lifetime::{live_peak, tenants};
use super::{Chain, Layers, Op, Schedule};
use crate::Result;

/// `schedule`, fused. `live` are the bytes that are live during each of its ops.
///
/// Layers that run forward or are recomputed one after the other become one action. So do layers that run backward one
/// after the other: a chunk, which holds the deltas of all its layers where layer by layer two would do. Chunks are as
/// large as `most` live bytes allow. The forward pass of the last layers, the loss and their backward pass become one
/// action, too, where the device can.
///
/// An action holds its input and its output at once, so fusion may take more than `most` if widths differ much.
///
/// # Errors
/// [`crate::Error::InvalidPlan`] if an op reads a value that none has written.
pub(super) fn fused(chain: &Chain, schedule: &Schedule, live: &[u64], most: u64) -> Result<Schedule> {
    let Schedule { ops, intervals } = schedule;
    let mut ops = forward_fused(chain, &backward_fused(chain, ops, live, most));
    if let Some(joined) = with_loss(chain, &ops)
        && live_peak(&tenants(chain, joined.iter())?).bytes <= most
    {
        ops = joined;
    }
    Ok(Schedule { ops, intervals: intervals.clone() })
}

/// `ops` with the loss, the first backward action and the forward pass of its layers fused. The forward action before the loss
/// may run more layers; those below stay an action of their own.
fn with_loss(chain: &Chain, ops: &[Op]) -> Option<Vec<Op>> {
    let loss = ops.iter().position(|op| *op == Op::Loss)?;
    let (before, after) = (ops.get(loss.checked_sub(1)?)?, ops.get(loss + 1)?);
    match (*before, *after) {
        (Op::Forward(forward), Op::Backward(layers))
            if forward.first <= layers.first && forward.end == layers.end && chain.can_turn(layers) =>
        {
            let below = Layers { end: layers.first, ..forward };
            let below = (below.first < below.end).then_some(Op::Forward(below));
            let joined: Vec<Op> = below.into_iter().chain([Op::ForwardBackward(layers)]).collect();
            Some([&ops[..loss - 1], &joined, &ops[loss + 2..]].concat())
        }
        _ => None,
    }
}

/// `ops` with consecutive forward layers fused, and consecutive recomputed layers.
pub(super) fn forward_fused(chain: &Chain, ops: &[Op]) -> Vec<Op> {
    let mut fused: Vec<Op> = Vec::new();
    for &op in ops {
        let joined = match (fused.last(), op) {
            (Some(&Op::Forward(below)), Op::Forward(above)) => join(chain, below, above).map(Op::Forward),
            (Some(&Op::Recompute(below)), Op::Recompute(above)) => {
                join(chain, below, above).map(Op::Recompute)
            }
            _ => None,
        };
        match (fused.last_mut(), joined) {
            (Some(last), Some(joined)) => *last = joined,
            _ => fused.push(op),
        }
    }
    fused
}

/// `ops` of single layers, with consecutive backward layers fused. `live` are the bytes that are live during each op.
fn backward_fused(chain: &Chain, ops: &[Op], live: &[u64], most: u64) -> Vec<Op> {
    let mut fused: Vec<Op> = Vec::new();
    // Live bytes during the last of `fused`.
    let mut held = 0;
    for (&op, &live) in ops.iter().zip(live) {
        let joined = match (fused.last(), op) {
            (Some(&Op::Backward(above)), Op::Backward(below)) => join(chain, below, above),
            _ => None,
        };
        // The delta below the lower layer; the one between them is already there.
        let more =
            joined.and_then(|joined| joined.first.checked_sub(1)).map_or(0, |delta| chain.delta_bytes[delta]);
        match (fused.last_mut(), joined) {
            (Some(last), Some(joined)) if held + more <= most => {
                *last = Op::Backward(joined);
                held += more;
            }
            _ => {
                fused.push(op);
                held = live;
            }
        }
    }
    fused
}

fn join(chain: &Chain, below: Layers, above: Layers) -> Option<Layers> {
    let joined = Layers { first: below.first, end: above.end };
    (below.end == above.first && chain.can_run(joined)).then_some(joined)
}
