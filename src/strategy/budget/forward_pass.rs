use std::collections::HashMap;

use super::segment::{Base, Cut, Segment, lower_to_shifted, lower_to_sum};

/// Least costs of a step from the first forward sweep on, for a segment that ends with the loss.
///
/// The sweep E(b, p, m) is like F of [`Segment`], but no delta is held yet and running forward costs nothing, for
/// every schedule does it once. At last it runs on to the loss, and what it has not kept a state for is F's.
pub(super) struct FirstSweep {
    /// By base and first group.
    rows: HashMap<(usize, usize), Vec<f64>>,
}

/// What the rest of a first sweep begins with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum FirstCut {
    /// It runs to the loss and keeps nothing.
    ToLoss,
    /// It is the last group's own.
    Group,
    /// It keeps a state on the way.
    Keep(Cut),
}

impl FirstSweep {
    /// Solves for a `segment` whose sweeps are solved.
    pub fn solve(segment: &Segment) -> Self {
        let mut sweep = FirstSweep { rows: HashMap::new() };
        for base in (0..segment.len()).rev() {
            let kept: Vec<Vec<f64>> = (0..segment.len())
                .map(|first| if first > base { sweep.kept_for(segment, base, first) } else { Vec::new() })
                .collect();
            for first in segment.sites.firsts(base, base..segment.len()) {
                let mut costs = sweep.to_loss(segment, base, first);
                if let Some(inner) = Self::own_group(segment, base) {
                    lower_to_shifted(&mut costs, inner.costs(), 0.0);
                }
                if first > base {
                    let start = segment.leave_need(base);
                    let given_up = kept[first].get(start + segment.width(base)..).unwrap_or_default();
                    lower_to_shifted(costs.get_mut(start..).unwrap_or_default(), given_up, 0.0);
                }
                for (next, kept) in kept.iter().enumerate().skip(first + 1) {
                    lower_to_sum(&mut costs, kept, segment.table.row(base, first, next - 1));
                }
                if let Some((start, taken)) = Self::whole_group(segment, base, first) {
                    let rest = &sweep.rows[&(base + 1, base + 1)][start - taken..];
                    lower_to_shifted(&mut costs[start..], rest, 0.0);
                }
                sweep.rows.insert((base, first), costs);
            }
        }
        sweep
    }

    /// The least cost of recomputation, by units of memory.
    pub fn costs(&self) -> &[f64] {
        &self.rows[&(0, 0)]
    }

    /// How the last group solves its first sweep itself, where `base` is where it starts.
    fn own_group(segment: &Segment, base: usize) -> Option<&FirstSweep> {
        segment.last_group().filter(|_| base + 1 == segment.len())?.first_sweep.as_ref()
    }

    /// As [`Segment::whole_group`], with no delta held and the last group left to itself.
    fn whole_group(segment: &Segment, base: usize, first: usize) -> Option<(usize, usize)> {
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

    /// How to go on from `base` in `units`, which must be possible, with groups from `first` on to be passed.
    pub fn cut(&self, segment: &Segment, base: usize, first: usize, units: usize) -> FirstCut {
        let mut best = (f64::INFINITY, FirstCut::ToLoss);
        let mut offer = |cost: f64, cut: FirstCut| {
            if cost < best.0 {
                best = (cost, cut);
            }
        };
        if let Some(inner) = Self::own_group(segment, base) {
            offer(inner.costs()[units], FirstCut::Group);
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
                offer(cost, FirstCut::Keep(Cut { keep, first, base: Base::GivenUp }));
            }
        }
        for next in first + 1..segment.len() {
            let below = segment.table.row(base, first, next - 1)[units];
            for keep in segment.sites.keepers(base, next) {
                let cut = Cut { keep, first: next, base: Base::Stays };
                offer(kept(keep, next, units) + below, FirstCut::Keep(cut));
            }
        }
        if let Some((start, taken)) = Self::whole_group(segment, base, first)
            && units >= start
        {
            let cut = Cut { keep: base + 1, first: base + 1, base: Base::StaysWithGroup };
            offer(self.rows[&(base + 1, base + 1)][units - taken], FirstCut::Keep(cut));
        }
        if units >= Self::to_loss_need(segment, base) {
            offer(segment.table.row(base, first, segment.len() - 1)[units], FirstCut::ToLoss);
        }
        best.1
    }
}
