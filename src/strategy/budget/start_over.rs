//! Keeping no state: the least memory, and the most recomputation.

use crate::plan::{Op, Schedule};

/// Keeps only the batch, and recomputes all layers below for each layer's backward pass.
pub(super) fn schedule(layers: usize) -> Schedule {
    let mut ops: Vec<Op> = (0..layers).map(Op::forward).collect();
    ops.push(Op::Loss);
    for layer in (0..layers).rev() {
        ops.extend((0..layer).map(Op::recompute));
        ops.push(Op::backward(layer));
    }
    Schedule { intervals: std::iter::once(0..layers).collect(), ops }
}
