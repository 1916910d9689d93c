use crate::plan::{Op, Schedule};

/// Keeps nothing but the batch's input, and runs all layers below again for each layer's backward.
pub(super) fn schedule(layers: usize) -> Schedule {
    let mut ops: Vec<Op> = (0..layers).map(Op::forward).collect();
    ops.push(Op::Loss);
    for layer in (0..layers).rev() {
        ops.extend((0..layer).map(Op::recompute));
        ops.push(Op::backward(layer));
    }
    Schedule { intervals: std::iter::once(0..layers).collect(), ops }
}
