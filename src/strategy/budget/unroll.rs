//! Unrolling solved tables into a schedule.

use std::ops::Range;

use super::forward_pass::ForwardCut;
use super::segment::{Base, Segment};
use crate::plan::{Op, Schedule};

/// The cheapest schedule in `units` of memory. One must exist.
pub(super) fn schedule(segment: &Segment, units: usize) -> Schedule {
    let mut unroller = Unroller { ops: Vec::new(), kept: vec![0] };
    unroller.forward(segment, 0, 0, units);
    Schedule { intervals: intervals(&unroller.kept, segment.links.deltas.len()), ops: unroller.ops }
}

/// Work that remains after the backward pass has used the states above a base.
enum Rest {
    /// Groups to run backward from it.
    Groups { base: usize, first: usize, last: usize, units: usize },
    /// Layers to run backward whose states are all kept.
    Backward(Range<usize>),
}

struct Unroller {
    ops: Vec<Op>,
    /// States that the forward pass keeps, in ascending order.
    kept: Vec<usize>,
}

impl Unroller {
    /// The forward pass from `base`, and the backward pass down to group `first`.
    fn forward(&mut self, segment: &Segment, mut base: usize, mut first: usize, mut units: usize) {
        let states = &segment.sites.states;
        let Some(forward) = &segment.forward_pass else { return };
        let mut rest = Vec::new();
        loop {
            match forward.cut(segment, base, first, units) {
                ForwardCut::ToLoss => {
                    self.ops.extend((states[base]..states[segment.len()]).map(Op::forward));
                    self.ops.push(Op::Loss);
                    rest.push(Rest::Groups { base, first, last: segment.len() - 1, units });
                    break;
                }
                ForwardCut::Group => {
                    if let Some(inner) = segment.last_group() {
                        self.forward(inner, 0, 0, units);
                    }
                    break;
                }
                ForwardCut::Keep(cut) => {
                    self.ops.extend((states[base]..states[cut.keep]).map(Op::forward));
                    match cut.base {
                        Base::Kept => rest.push(Rest::Groups { base, first, last: cut.first - 1, units }),
                        Base::Released => {
                            self.kept.pop();
                            units += segment.width(base);
                        }
                        Base::KeptWithGroup => {
                            self.kept.extend(states[base] + 1..states[cut.keep]);
                            rest.push(Rest::Backward(states[base]..states[cut.keep]));
                            units -= segment.units_inside(base);
                        }
                    }
                    self.kept.push(states[cut.keep]);
                    units -= segment.width(cut.keep);
                    (base, first) = (cut.keep, cut.first);
                }
            }
        }
        for rest in rest.into_iter().rev() {
            match rest {
                Rest::Groups { base, first, last, units } => self.backward(segment, base, first, last, units),
                Rest::Backward(layers) => self.ops.extend(layers.rev().map(Op::backward)),
            }
        }
    }

    /// Runs groups `last` down to `first` backward from the state at `base`.
    fn backward(&mut self, segment: &Segment, base: usize, first: usize, last: usize, units: usize) {
        let states = &segment.sites.states;
        let Some(cut) = segment.cut(base, first, last, units) else {
            match &segment.groups[base] {
                Some(inner) => self.backward(inner, 0, 0, inner.len() - 1, units),
                None => self.ops.push(Op::backward(states[base])),
            }
            return;
        };
        self.ops.extend((states[base]..states[cut.keep]).map(Op::recompute));
        let left = match cut.base {
            Base::Kept => units,
            Base::Released => units + segment.width(base),
            Base::KeptWithGroup => units - segment.units_inside(base),
        };
        self.backward(segment, cut.keep, cut.first, last, left - segment.width(cut.keep));
        match cut.base {
            Base::Kept => self.backward(segment, base, first, cut.first - 1, units),
            Base::Released => {}
            Base::KeptWithGroup => {
                self.ops.extend((states[base]..states[cut.keep]).rev().map(Op::backward));
            }
        }
    }
}

/// Layers between neighbouring kept states. Where several consecutive states are kept, one interval has them
/// all.
pub(super) fn intervals(kept: &[usize], layers: usize) -> Vec<Range<usize>> {
    let mut intervals: Vec<Range<usize>> = Vec::new();
    let mut all_kept = false;
    for (index, &start) in kept.iter().enumerate() {
        let end = kept.get(index + 1).copied().unwrap_or(layers);
        let is_single = end - start == 1;
        match intervals.last_mut() {
            Some(previous) if is_single && all_kept => previous.end = end,
            _ => intervals.push(start..end),
        }
        all_kept = is_single;
    }
    intervals
}
