use std::ops::Range;

use super::first_sweep::FirstCut;
use super::segment::{Base, Segment};
use crate::plan::{Op, Schedule};

/// The cheapest schedule in `units` of memory, which must be possible.
pub(super) fn schedule(segment: &Segment, units: usize) -> Schedule {
    let mut unroller = Unroller { ops: Vec::new(), kept: vec![0] };
    unroller.first_sweep(segment, 0, 0, units);
    Schedule { intervals: intervals(&unroller.kept, segment.links.deltas.len()), ops: unroller.ops }
}

/// What is left to do once the states above a base have been used.
enum Rest {
    /// Groups to pass from it.
    Sweep { base: usize, first: usize, last: usize, units: usize },
    /// Layers whose states are all there.
    Backward(Range<usize>),
}

struct Unroller {
    ops: Vec<Op>,
    /// States that the first sweep keeps, in ascending order.
    kept: Vec<usize>,
}

impl Unroller {
    fn first_sweep(&mut self, segment: &Segment, mut base: usize, first: usize, mut units: usize) {
        let states = &segment.sites.states;
        let Some(sweep) = &segment.first_sweep else { return };
        // What is left for each base once the states above it have been used.
        let mut rest = Vec::new();
        let mut first = first;
        loop {
            match sweep.cut(segment, base, first, units) {
                FirstCut::ToLoss => {
                    self.ops.extend((states[base]..states[segment.len()]).map(Op::forward));
                    self.ops.push(Op::Loss);
                    rest.push(Rest::Sweep { base, first, last: segment.len() - 1, units });
                    break;
                }
                FirstCut::Group => {
                    if let Some(inner) = segment.last_group() {
                        self.first_sweep(inner, 0, 0, units);
                    }
                    break;
                }
                FirstCut::Keep(cut) => {
                    self.ops.extend((states[base]..states[cut.keep]).map(Op::forward));
                    match cut.base {
                        Base::Stays => rest.push(Rest::Sweep { base, first, last: cut.first - 1, units }),
                        Base::GivenUp => {
                            self.kept.pop();
                            units += segment.width(base);
                        }
                        Base::StaysWithGroup => {
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
                Rest::Sweep { base, first, last, units } => self.sweep(segment, base, first, last, units),
                Rest::Backward(layers) => self.ops.extend(layers.rev().map(Op::backward)),
            }
        }
    }

    fn sweep(&mut self, segment: &Segment, base: usize, first: usize, last: usize, units: usize) {
        let states = &segment.sites.states;
        let Some(cut) = segment.cut(base, first, last, units) else {
            match &segment.groups[base] {
                Some(inner) => self.sweep(inner, 0, 0, inner.len() - 1, units),
                None => self.ops.push(Op::backward(states[base])),
            }
            return;
        };
        self.ops.extend((states[base]..states[cut.keep]).map(Op::recompute));
        let left = match cut.base {
            Base::Stays => units,
            Base::GivenUp => units + segment.width(base),
            Base::StaysWithGroup => units - segment.units_inside(base),
        };
        self.sweep(segment, cut.keep, cut.first, last, left - segment.width(cut.keep));
        match cut.base {
            Base::Stays => self.sweep(segment, base, first, cut.first - 1, units),
            Base::GivenUp => {}
            Base::StaysWithGroup => {
                self.ops.extend((states[base]..states[cut.keep]).rev().map(Op::backward));
            }
        }
    }
}

/// The layers between neighbouring kept states; where several states in a row are kept, one interval holds them all.
fn intervals(kept: &[usize], layers: usize) -> Vec<Range<usize>> {
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
