//! The dynamic programme from the forward pass on: least recomputation of a whole step, by memory.

use std::collections::HashMap;

use super::segment::{Base, Cut, GroupUnits, Segment, lower_to_shifted, lower_to_sum};

/// Least recomputation of a step from the forward pass on, for a segment that ends with the loss.
///
/// Its recurrence E(b, p, m) is like F of [`Segment`], except that no delta is held yet, and that running
/// forward is free, because every schedule does it once. From the last kept state the pass runs on to the
/// loss, and F covers the groups above that state.
pub(super) struct ForwardPass {
    /// Costs by base and first group.
    rows: HashMap<(usize, usize), Vec<f64>>,
}

/// How the rest of a forward pass begins.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum ForwardCut {
    /// It runs to the loss and keeps no state.
    ToLoss,
    /// It is the forward pass of the last group.
    Group,
    /// It keeps a state on the way.
    Keep(Cut),
}

impl ForwardPass {
    /// Solves for a `segment` whose table is filled.
    pub fn solve(segment: &Segment) -> Self {
        let mut forward = ForwardPass { rows: HashMap::new() };
        for base in (0..segment.len()).rev() {
            let kept: Vec<Vec<f64>> = (0..segment.len())
                .map(|first| if first > base { forward.kept_for(segment, base, first) } else { Vec::new() })
                .collect();
            for first in segment.sites.firsts(base, base..segment.len()) {
                let mut costs = forward.to_loss(segment, base, first);
                if let Some(inner) = Self::own_group(segment, base) {
                    lower_to_shifted(&mut costs, inner.costs(), 0.0);
                }
                if first > base {
                    let start = segment.leave_need(base);
                    let released = kept[first].get(start + segment.width(base)..).unwrap_or_default();
                    lower_to_shifted(costs.get_mut(start..).unwrap_or_default(), released, 0.0);
                }
                for (next, kept) in kept.iter().enumerate().skip(first + 1) {
                    lower_to_sum(&mut costs, kept, segment.table.row(base, first, next - 1));
                }
                if let Some(GroupUnits { needed, taken }) = Self::whole_group(segment, base, first) {
                    let rest = &forward.rows[&(base + 1, base + 1)][needed - taken..];
                    lower_to_shifted(&mut costs[needed..], rest, 0.0);
                }
                forward.rows.insert((base, first), costs);
            }
        }
        forward
    }

    /// Least recomputation, by units of memory.
    pub fn costs(&self) -> &[f64] {
        &self.rows[&(0, 0)]
    }

    /// Solution of the last group's own forward pass, if it starts at `base`.
    fn own_group(segment: &Segment, base: usize) -> Option<&ForwardPass> {
        segment.last_group().filter(|_| base + 1 == segment.len())?.forward_pass.as_ref()
    }

    /// As [`Segment::whole_group`], with no delta held, and without the last group, which has a solution of
    /// its own.
    fn whole_group(segment: &Segment, base: usize, first: usize) -> Option<GroupUnits> {
        segment.whole_group(base, first, 0).filter(|_| base + 1 < segment.len())
    }

    fn to_loss_need(segment: &Segment, base: usize) -> usize {
        segment.run_need(base, segment.len()).max(segment.links.loss_need())
    }

    fn to_loss(&self, segment: &Segment, base: usize, first: usize) -> Vec<f64> {
        let need = Self::to_loss_need(segment, base).min(segment.columns);
        let mut costs = vec![f64::INFINITY; segment.columns];
        costs[need..].copy_from_slice(&segment.table.row(base, first, segment.len() - 1)[need..]);
        costs
    }

    fn kept_for(&self, segment: &Segment, base: usize, first: usize) -> Vec<f64> {
        let mut best = vec![f64::INFINITY; segment.columns];
        for keep in segment.sites.keepers(base, first) {
            let start = segment.run_need(base, keep).min(segment.columns);
            let rest = &self.rows[&(keep, first)][start - segment.width(keep).min(start)..];
            lower_to_shifted(&mut best[start..], rest, 0.0);
        }
        best
    }

    /// The best way to continue from `base` in `units`, with groups from `first` on to run backward. One must
    /// exist.
    pub fn cut(&self, segment: &Segment, base: usize, first: usize, units: usize) -> ForwardCut {
        let mut best = (f64::INFINITY, ForwardCut::ToLoss);
        let mut offer = |cost: f64, cut: ForwardCut| {
            if cost < best.0 {
                best = (cost, cut);
            }
        };
        if let Some(inner) = Self::own_group(segment, base) {
            offer(inner.costs()[units], ForwardCut::Group);
        }
        let kept = |keep: usize, first: usize, units: usize| {
            if units < segment.run_need(base, keep) {
                return f64::INFINITY;
            }
            self.rows[&(keep, first)][units - segment.width(keep)]
        };
        if first > base && units >= segment.leave_need(base) {
            for keep in segment.sites.keepers(base, first) {
                let cost = kept(keep, first, units + segment.width(base));
                offer(cost, ForwardCut::Keep(Cut { keep, first, base: Base::Released }));
            }
        }
        for next in first + 1..segment.len() {
            let below = segment.table.row(base, first, next - 1)[units];
            for keep in segment.sites.keepers(base, next) {
                let cut = Cut { keep, first: next, base: Base::Kept };
                offer(kept(keep, next, units) + below, ForwardCut::Keep(cut));
            }
        }
        if let Some(GroupUnits { needed, taken }) = Self::whole_group(segment, base, first)
            && units >= needed
        {
            let cut = Cut { keep: base + 1, first: base + 1, base: Base::KeptWithGroup };
            offer(self.rows[&(base + 1, base + 1)][units - taken], ForwardCut::Keep(cut));
        }
        if units >= Self::to_loss_need(segment, base) {
            offer(segment.table.row(base, first, segment.len() - 1)[units], ForwardCut::ToLoss);
        }
        best.1
    }
}
