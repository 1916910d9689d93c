//! Keeping every state.

use crate::plan::{Op, Schedule};

/// One forward pass that keeps every state, and one backward pass.
pub(super) fn schedule(layers: usize) -> Schedule {
    let forward = (0..layers).map(Op::forward);
    let backward = (0..layers).rev().map(Op::backward);
    let intervals = std::iter::once(0..layers).collect();
    Schedule { intervals, ops: forward.chain([Op::Loss]).chain(backward).collect() }
}
