use std::ops::Range;

use super::first_sweep::FirstCut;
use super::segment::Segment;
use crate::plan::{Op, Schedule};

/// The cheapest schedule in `units` of memory, which must be possible.
pub(super) fn schedule(segment: &Segment, units: usize) -> Schedule {
    let mut unroller = Unroller { ops: Vec::new(), kept: vec![0] };
    unroller.first_sweep(segment, 0, 0, units);
    Schedule { intervals: intervals(&unroller.kept, segment.links.deltas.len()), ops: unroller.ops }
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
        // What is left for each base once the states above it have been used: (base, first, last, units).
        let mut rest = Vec::new();
        let mut first = first;
        loop {
            match sweep.cut(segment, base, first, units) {
                FirstCut::ToLoss => {
                    self.ops.extend((states[base]..states[segment.len()]).map(Op::Forward));
                    self.ops.push(Op::Loss);
                    rest.push((base, first, segment.len() - 1, units));
                    break;
                }
                FirstCut::Group => {
                    if let Some(inner) = segment.last_group() {
                        self.first_sweep(inner, 0, 0, units);
                    }
                    break;
                }
                FirstCut::Keep(cut) => {
                    self.ops.extend((states[base]..states[cut.keep]).map(Op::Forward));
                    if cut.gives_up_base {
                        self.kept.pop();
                        units += segment.width(base);
                    } else {
                        rest.push((base, first, cut.first - 1, units));
                    }
                    self.kept.push(states[cut.keep]);
                    units -= segment.width(cut.keep);
                    (base, first) = (cut.keep, cut.first);
                }
            }
        }
        for (base, first, last, units) in rest.into_iter().rev() {
            self.sweep(segment, base, first, last, units);
        }
    }

    fn sweep(&mut self, segment: &Segment, base: usize, first: usize, last: usize, units: usize) {
        let states = &segment.sites.states;
        let Some(cut) = segment.cut(base, first, last, units) else {
            match &segment.groups[base] {
                Some(inner) => self.sweep(inner, 0, 0, inner.len() - 1, units),
                None => self.ops.push(Op::Backward(states[base])),
            }
            return;
        };
        self.ops.extend((states[base]..states[cut.keep]).map(Op::Recompute));
        let given_up = if cut.gives_up_base { segment.width(base) } else { 0 };
        self.sweep(segment, cut.keep, cut.first, last, units + given_up - segment.width(cut.keep));
        if !cut.gives_up_base {
            self.sweep(segment, base, first, cut.first - 1, units);
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
