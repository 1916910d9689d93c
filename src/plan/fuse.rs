//! Fuses adjacent layers into one action where a device can, so that the states between them never reach its memory.
//!
//! Strategies order single layers; fusion makes the same computation hold fewer bytes.

use super::{Chain, Layers, Op, Schedule};

/// `schedule` with fused actions; `None` if the device runs one layer per action.
///
/// Layers that run forward one after the other become one action if nothing else reads the states between them. Layers
/// that are recomputed and then run backward, with nothing else between, become one backward action that recomputes in
/// the kernel's own memory: the highest of them, as many as can run at once. No layer runs more often than before.
///
/// An action holds its input and its output at once, so fusion may take more memory if widths differ much.
pub(super) fn fused(chain: &Chain, schedule: &Schedule) -> Option<Schedule> {
    if chain.fusible.is_empty() {
        return None;
    }
    let ops = forward_fused(chain, &backward_fused(chain, &schedule.ops));
    Some(Schedule { ops, intervals: schedule.intervals.clone() })
}

/// `ops` with consecutive forward layers fused if nothing else reads the states between them.
pub(super) fn forward_fused(chain: &Chain, ops: &[Op]) -> Vec<Op> {
    let readers = readers(chain, ops);
    let mut fused: Vec<Op> = Vec::new();
    for (index, &op) in ops.iter().enumerate() {
        let joined = match (fused.last(), op) {
            (Some(&Op::Forward(below)), Op::Forward(above)) => join(chain, below, above).map(Op::Forward),
            (Some(&Op::Recompute(below)), Op::Recompute(above)) => {
                join(chain, below, above).map(Op::Recompute)
            }
            _ => None,
        };
        match (fused.last_mut(), joined) {
            (Some(last), Some(joined)) if readers[index - 1] == [index] => *last = joined,
            _ => fused.push(op),
        }
    }
    fused
}

fn join(chain: &Chain, below: Layers, above: Layers) -> Option<Layers> {
    let joined = Layers { first: below.first, end: above.end };
    (below.end == above.first && chain.can_run(joined)).then_some(joined)
}

/// `ops` of single layers, with backward layers fused that were recomputed just before for this.
fn backward_fused(chain: &Chain, ops: &[Op]) -> Vec<Op> {
    let readers = readers(chain, ops);
    let mut fused = Vec::new();
    let mut index = 0;
    while let Some(&op) = ops.get(index) {
        let again =
            ops[index..].iter().zip(first_of(op)..).take_while(|&(&op, layer)| op == Op::recompute(layer));
        let turn = index + again.count();
        let Some(Op::Backward(top)) = ops.get(turn).filter(|_| turn > index) else {
            fused.push(op);
            index += 1;
            continue;
        };
        let bottom = bottom(chain, ops, &readers, index, turn, top.first);
        let kept_below = turn - (top.first - bottom);
        fused.extend(&ops[index..kept_below]);
        fused.push(Op::Backward(Layers { first: bottom, end: top.end }));
        index = turn + top.end - bottom;
    }
    fused
}

/// The lowest layer whose backward can be fused with that of layer `top`, which is op `turn`, after the recomputations
/// from op `start` on: the states between have no other reader.
fn bottom(chain: &Chain, ops: &[Op], readers: &[Vec<usize>], start: usize, turn: usize, top: usize) -> usize {
    let mut bottom = top;
    loop {
        // The op that wrote state `bottom`, and the op that would run backward from the state below.
        let (maker, next) = (turn - 1 - (top - bottom), turn + 1 + (top - bottom));
        let for_nothing_else =
            readers[maker].iter().all(|&reader| reader == next - 1 || reader == maker + 1 && reader < turn);
        let is_next = bottom > 0 && ops.get(next) == Some(&Op::backward(bottom - 1));
        let fusible = bottom > 0 && chain.can_run(Layers { first: bottom - 1, end: top + 1 });
        if !(for_nothing_else && is_next && fusible) {
            return bottom;
        }
        bottom -= 1;
        if maker == start {
            return bottom;
        }
    }
}

fn first_of(op: Op) -> usize {
    match op {
        Op::Forward(layers) | Op::Recompute(layers) | Op::Backward(layers) => layers.first,
        Op::Loss | Op::Score => 0,
    }
}

/// For each op, the later ops that read the state that it writes.
fn readers(chain: &Chain, ops: &[Op]) -> Vec<Vec<usize>> {
    let mut readers = vec![Vec::new(); ops.len()];
    let mut makers: Vec<Option<usize>> = vec![None; chain.layers() + 1];
    for (index, op) in ops.iter().enumerate() {
        let (read, made) = match *op {
            Op::Forward(layers) | Op::Recompute(layers) => (layers.first, Some(layers.end)),
            Op::Backward(layers) => (layers.first, None),
            Op::Loss | Op::Score => (chain.layers(), None),
        };
        if let Some(maker) = makers[read] {
            readers[maker].push(index);
        }
        if let Some(made) = made {
            makers[made] = Some(index);
        }
    }
    readers
}
