//! The dynamic programme: least recomputation of a stretch of layers, by memory.

use std::ops::Range;
use std::sync::Arc;

use pulp::{Arch, NullaryFnOnce};

use super::forward_pass::ForwardPass;
use super::links::Links;
use super::sites::{Effort, Sites};
use super::table::Table;

/// The least recomputation for the backward pass of a stretch of layers, by memory. The state that the
/// stretch starts from is held outside that memory.
///
/// Let F(b, p, t, m) be the least cost of recomputation for the backward pass of groups t down to p, from the
/// state at site b, in m units besides that state. If t = b, the state suffices, and m must hold the deltas
/// of the group. Otherwise recomputation runs from b to some site k, keeps its state, runs groups t to q
/// backward from it, and releases it:
///
/// F(b, p, t, m) = min over k, q of cost(b..k) + F(k, q, t, m − w_k) + F(b, p, q − 1, m).
///
/// If no group remains for b after that (q = p > b), b itself is released on the way: cost(b..k) + F(k, p, t,
/// m + w_b − w_k). With q = k and p = b this is the recurrence for schedules that keep each checkpoint until
/// the backward pass has reached it, which Beaumont et al. call persistent ("Optimal checkpointing for
/// heterogeneous chains", 2019). Uneven widths need earlier releases near the least memory.
pub(super) struct Segment {
    pub links: Arc<Links>,
    pub sites: Sites,
    /// Solutions of the groups of layers between neighbouring sites; `None` for single layers.
    pub groups: Vec<Option<Segment>>,
    /// Memory for keeping all states of each group; `None` for single layers.
    wholes: Vec<Option<WholeGroup>>,
    pub table: Table,
    pub columns: usize,
    /// Solution from the forward pass on; `None` if the segment does not end with the loss.
    pub forward_pass: Option<ForwardPass>,
    /// Units held while running from one site to another, for each pair of them.
    run_needs: Vec<usize>,
}

/// How the backward pass of some groups begins.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cut {
    /// Site to run to, whose state is kept.
    pub keep: usize,
    /// First of the groups that it is kept for.
    pub first: usize,
    /// Fate of the base and its group.
    pub base: Base,
}

/// Fate of the base, the state that a run starts from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Base {
    /// It is kept, for the groups that the other state is not kept for.
    Kept,
    /// It is released on the way, because no group needs it any more.
    Released,
    /// It is kept with every state of its group, which is then not recomputed.
    KeptWithGroup,
}

/// Memory for keeping every state of a group of several layers.
#[derive(Debug, Clone, Copy)]
pub(super) struct WholeGroup {
    /// Units of the states inside, without those at either end.
    inside: usize,
    /// Most units held during its backward pass, besides the state that it starts from.
    need: usize,
}

/// Memory for keeping a group of several layers and the state that ends it.
#[derive(Debug, Clone, Copy)]
pub(super) struct GroupUnits {
    /// Units that must be available.
    pub needed: usize,
    /// Units that stay taken.
    pub taken: usize,
}

impl Segment {
    /// Solves for `layers` and every number of units below `columns`, at about this `effort`.
    pub fn solve(links: &Arc<Links>, layers: Range<usize>, columns: usize, effort: Effort) -> Self {
        let end = layers.end;
        let sites = Sites::choose(links, layers, effort);
        let inner = effort.share(sites.states.len());
        let groups = sites.states.windows(2).map(|pair| {
            (pair[1] - pair[0] > 1).then(|| Segment::solve(links, pair[0]..pair[1], columns, inner))
        });
        let groups: Vec<_> = groups.collect();
        let count = sites.states.len();
        let mut run_needs = vec![0; count * count];
        for (from, &start) in sites.states.iter().enumerate() {
            for (to, &end) in sites.states.iter().enumerate().skip(from) {
                run_needs[from * count + to] = links.run_need(start..end);
            }
        }
        let wholes = sites.states.windows(2).map(|pair| WholeGroup::new(links, pair[0]..pair[1])).collect();
        let table = Table::new(&sites, columns);
        let mut segment = Segment {
            links: Arc::clone(links),
            sites,
            groups,
            wholes,
            table,
            columns,
            forward_pass: None,
            run_needs,
        };
        Arch::new().dispatch(Fill(&mut segment));
        if end == links.deltas.len() {
            segment.forward_pass = Some(ForwardPass::solve(&segment));
        }
        segment
    }

    /// Solution of the last group, if it has several layers and ends with the loss.
    pub fn last_group(&self) -> Option<&Segment> {
        self.groups.last()?.as_ref().filter(|inner| inner.forward_pass.is_some())
    }

    /// Number of groups of layers.
    pub fn len(&self) -> usize {
        self.groups.len()
    }

    /// Units of the state at `site`; 0 for the first, which is held outside.
    pub fn width(&self, site: usize) -> usize {
        if site == 0 { 0 } else { self.links.states[self.sites.states[site]] }
    }

    /// `true` if every state may be kept, and released early.
    pub fn is_exact(&self) -> bool {
        let inner = &self.sites.droppable[1..self.len()];
        self.groups.iter().all(Option::is_none) && inner.iter().all(|&droppable| droppable)
    }

    /// Least recomputation of a whole step, by units of memory; empty if the segment does not end with the
    /// loss.
    pub fn step_costs(&self) -> &[f64] {
        self.forward_pass.as_ref().map_or(&[], ForwardPass::costs)
    }

    /// Least recomputation for the backward pass of the whole segment, by units of memory.
    pub fn costs(&self) -> &[f64] {
        self.table.row(0, 0, self.len() - 1)
    }

    /// Most units held while running from one site to another, besides the first state.
    pub fn run_need(&self, from: usize, to: usize) -> usize {
        self.run_needs[from * self.sites.states.len() + to]
    }

    /// Cost of running from one site to another.
    pub fn run_cost(&self, from: usize, to: usize) -> f64 {
        self.links.cost(self.sites.states[from]..self.sites.states[to])
    }

    /// Units that the first layer of a run from `base` holds besides it, before it can be released.
    pub fn leave_need(&self, base: usize) -> usize {
        self.links.states[self.sites.states[base] + 1]
    }

    /// Units needed to run from `base` to `keep` before the backward pass of groups up to `last`.
    fn need(&self, base: usize, keep: usize, last: usize) -> usize {
        self.run_need(base, keep) + self.last_delta(last)
    }

    /// Units for keeping all states of `base`'s group and the state that ends it while `beside` more are
    /// held; `None` if the group has a single layer or is not the first, or if the table has fewer columns.
    pub fn whole_group(&self, base: usize, first: usize, beside: usize) -> Option<GroupUnits> {
        let whole = self.wholes[base].filter(|_| first == base)?;
        let taken = whole.inside + self.width(base + 1);
        let needed = whole.need.max(taken + beside);
        (needed < self.columns).then_some(GroupUnits { needed, taken })
    }

    /// Units of the states inside `group`.
    pub fn units_inside(&self, group: usize) -> usize {
        self.wholes[group].map_or(0, |whole| whole.inside)
    }

    /// Units of the delta that the backward pass of groups up to `last` starts from.
    fn last_delta(&self, last: usize) -> usize {
        self.links.deltas[self.sites.states[last + 1] - 1]
    }

    #[inline(always)]
    fn fill(&mut self) {
        // Least costs of keeping some state for the groups from each on.
        let mut kept = vec![vec![0.0; self.columns]; self.len()];
        let mut costs = vec![0.0; self.columns];
        for last in 0..self.len() {
            let own = self.group_costs(last);
            self.table.set(last, last, last, &own);
            for base in (0..last).rev() {
                for (first, kept) in kept.iter_mut().enumerate().take(last + 1).skip(base + 1) {
                    self.keep_for(base, first, last, kept);
                }
                for first in base..last + 1 {
                    if first > base && !self.sites.droppable[first] {
                        continue;
                    }
                    costs.fill(f64::INFINITY);
                    if first > base {
                        let start = self.leave_need(base) + self.last_delta(last);
                        let released = kept[first].get(start + self.width(base)..).unwrap_or_default();
                        lower_to_shifted(costs.get_mut(start..).unwrap_or_default(), released, 0.0);
                    }
                    for (next, kept) in kept.iter().enumerate().take(last + 1).skip(first + 1) {
                        lower_to_sum(&mut costs, kept, self.table.row(base, first, next - 1));
                    }
                    if let Some(units) = self.whole_group(base, first, self.last_delta(last)) {
                        let GroupUnits { needed, taken } = units;
                        let rest = &self.table.row(base + 1, base + 1, last)[needed - taken..];
                        lower_to_shifted(&mut costs[needed..], rest, self.run_cost(base, base + 1));
                    }
                    self.table.set(base, first, last, &costs);
                }
            }
        }
    }

    fn group_costs(&self, group: usize) -> Vec<f64> {
        match &self.groups[group] {
            Some(inner) => inner.costs().to_vec(),
            None => {
                let need = self.links.backward_need(self.sites.states[group]);
                (0..self.columns).map(|units| if units >= need { 0.0 } else { f64::INFINITY }).collect()
            }
        }
    }

    /// Sets `best` to the least costs of running from `base` to some site, and of the backward pass of groups `last` down to
    /// `first` from its state.
    #[inline(always)]
    fn keep_for(&self, base: usize, first: usize, last: usize, best: &mut [f64]) {
        best.fill(f64::INFINITY);
        for keep in self.sites.keepers(base, first) {
            let start = self.need(base, keep, last).min(self.columns);
            let cost = self.run_cost(base, keep);
            let rest = &self.table.row(keep, first, last)[start - self.width(keep).min(start)..];
            lower_to_shifted(&mut best[start..], rest, cost);
        }
    }

    /// The best way to run groups `last` down to `first` backward from `base` in `units`. One must exist.
    /// `None` if they are `base`'s own group.
    pub fn cut(&self, base: usize, first: usize, last: usize, units: usize) -> Option<Cut> {
        let mut best: Option<(f64, Cut)> = None;
        let mut offer = |cost: f64, cut: Cut| {
            if best.is_none_or(|(least, _)| cost < least) {
                best = Some((cost, cut));
            }
        };
        let kept = |keep: usize, first: usize, units: usize| {
            if units < self.need(base, keep, last) {
                return f64::INFINITY;
            }
            self.run_cost(base, keep) + self.table.row(keep, first, last)[units - self.width(keep)]
        };
        if last == base {
            return None;
        }
        if first > base && units >= self.leave_need(base) + self.last_delta(last) {
            for keep in self.sites.keepers(base, first) {
                let cut = Cut { keep, first, base: Base::Released };
                offer(kept(keep, first, units + self.width(base)), cut);
            }
        }
        for next in first + 1..=last {
            let below = self.table.row(base, first, next - 1)[units];
            for keep in self.sites.keepers(base, next) {
                offer(kept(keep, next, units) + below, Cut { keep, first: next, base: Base::Kept });
            }
        }
        if let Some(GroupUnits { needed, taken }) = self.whole_group(base, first, self.last_delta(last))
            && units >= needed
        {
            let rest = self.table.row(base + 1, base + 1, last)[units - taken];
            let cut = Cut { keep: base + 1, first: base + 1, base: Base::KeptWithGroup };
            offer(self.run_cost(base, base + 1) + rest, cut);
        }
        best.map(|(_, cut)| cut)
    }
}

/// [`Segment::fill`], compiled for the vector instructions of this processor.
struct Fill<'a>(&'a mut Segment);

impl NullaryFnOnce for Fill<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        self.0.fill();
    }
}

impl WholeGroup {
    fn new(links: &Links, layers: Range<usize>) -> Option<Self> {
        let mut inside = 0;
        let mut need = links.backward_need(layers.start);
        for layer in layers.clone().skip(1) {
            inside += links.states[layer];
            need = need.max(inside + links.backward_need(layer));
        }
        (layers.len() > 1).then_some(WholeGroup { inside, need })
    }
}

/// Lowers `costs` to `others` plus `cost` wherever that is less.
#[inline(always)]
pub(super) fn lower_to_shifted(costs: &mut [f64], others: &[f64], cost: f64) {
    for (least, &other) in costs.iter_mut().zip(others) {
        let sum = other + cost;
        *least = if sum < *least { sum } else { *least };
    }
}

/// Lowers `costs` to the sums of `a` and `b` wherever these are less.
#[inline(always)]
pub(super) fn lower_to_sum(costs: &mut [f64], a: &[f64], b: &[f64]) {
    for ((least, &a), &b) in costs.iter_mut().zip(a).zip(b) {
        let sum = a + b;
        *least = if sum < *least { sum } else { *least };
    }
}
