use crate::plan::{Op, Schedule};

/// Keeps states 0, n, 2n, …; recomputes each interval but the last right before its backward.
///
/// The last interval is kept from the forward sweep. A checkpoint that ends an interval is not recomputed: it is
/// still there, for the interval after it has only just been passed.
pub(super) fn schedule(layers: usize, n: usize) -> Schedule {
    let intervals: Vec<_> = (0..layers).step_by(n).map(|start| start..layers.min(start + n)).collect();

    let mut ops: Vec<Op> = (0..layers).map(Op::Forward).collect();
    ops.push(Op::Loss);
    for interval in intervals.iter().rev() {
        if interval.end < layers {
            ops.extend((interval.start..interval.end - 1).map(Op::Recompute));
        }
        ops.extend(interval.clone().rev().map(Op::Backward));
    }
    Schedule { intervals, ops }
}
