use std::ops::Range;
use std::sync::Arc;

use super::first_sweep::FirstSweep;
use super::links::Links;
use super::sites::{Effort, Sites};
use super::table::Table;

/// The cheapest ways to pass a stretch of layers backward, by memory, with the state that it starts from held
/// outside that memory.
///
/// Let F(b, p, t, m) be the least cost of recomputing what the backward of groups t down to p needs, from the state
/// at site b, in m units beside it. Where t = b, that state is all that is needed, and m must hold the group's
/// deltas. Else the sweep runs on from b to some site k, keeps its state, passes groups t to q with it, and gives it
/// up:
///
/// F(b, p, t, m) = min over k, q of cost(b..k) + F(k, q, t, m − w_k) + F(b, p, q − 1, m),
///
/// and where nothing is left to pass from b (q = p > b), b itself is given up on the way:
/// cost(b..k) + F(k, p, t, m + w_b − w_k). With q = k and p = b this is the recurrence for schedules that keep each
/// checkpoint until backward has passed it, which Beaumont et al. call persistent ("Optimal checkpointing for
/// heterogeneous chains", 2019). Giving states up earlier is what uneven widths need near the least memory.
pub(super) struct Segment {
    pub links: Arc<Links>,
    pub sites: Sites,
    /// Of each group of layers between two sites, how to pass it; none where it is a single layer.
    pub groups: Vec<Option<Segment>>,
    /// Of each group, what keeping all of it takes; none where it is a single layer.
    wholes: Vec<Option<WholeGroup>>,
    pub table: Table,
    pub columns: usize,
    /// Where it ends with the loss.
    pub first_sweep: Option<FirstSweep>,
    /// Of each pair of sites, what running from one to the other holds.
    run_needs: Vec<usize>,
}

/// What passing some groups begins with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cut {
    /// The site to run to, whose state is kept.
    pub keep: usize,
    /// The first of the groups that it is kept for.
    pub first: usize,
    /// What becomes of the base and its group.
    pub base: Base,
}

/// What becomes of the state that a sweep starts from when it runs on to another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Base {
    /// It stays, for the groups that the other state is not kept for.
    Stays,
    /// It is given up on the way: nothing is left for it to do.
    GivenUp,
    /// It stays, and so does every state of its group, which then need not run again.
    StaysWithGroup,
}

/// Keeping every state of a group of several layers.
#[derive(Debug, Clone, Copy)]
pub(super) struct WholeGroup {
    /// Units of the states inside, without those at either end.
    inside: usize,
    /// What passing it backward holds at most, besides the state that it starts from.
    need: usize,
}

impl Segment {
    /// Solves for `layers`, in every number of units below `columns`, at about this `effort`.
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
            first_sweep: None,
            run_needs,
        };
        segment.fill();
        if end == links.deltas.len() {
            segment.first_sweep = Some(FirstSweep::solve(&segment));
        }
        segment
    }

    /// The last group's, where it has several layers and ends with the loss.
    pub fn last_group(&self) -> Option<&Segment> {
        self.groups.last()?.as_ref().filter(|inner| inner.first_sweep.is_some())
    }

    /// How many groups of layers it has.
    pub fn len(&self) -> usize {
        self.groups.len()
    }

    /// Units of the state at `site`; none for the first, which is held outside.
    pub fn width(&self, site: usize) -> usize {
        if site == 0 { 0 } else { self.links.states[self.sites.states[site]] }
    }

    /// Whether it may keep every state, and give every one up.
    pub fn is_exact(&self) -> bool {
        let inner = &self.sites.droppable[1..self.len()];
        self.groups.iter().all(Option::is_none) && inner.iter().all(|&droppable| droppable)
    }

    /// The least cost of a whole step's recomputation, by units of memory; nothing where it does not end a step.
    pub fn first_costs(&self) -> &[f64] {
        self.first_sweep.as_ref().map_or(&[], FirstSweep::costs)
    }

    /// Costs of passing all of it, by units of memory.
    pub fn costs(&self) -> &[f64] {
        self.table.row(0, 0, self.len() - 1)
    }

    /// What running from one site to another holds, besides where it starts.
    pub fn run_need(&self, from: usize, to: usize) -> usize {
        self.run_needs[from * self.sites.states.len() + to]
    }

    /// What running from one site to another costs.
    pub fn run_cost(&self, from: usize, to: usize) -> f64 {
        self.links.cost(self.sites.states[from]..self.sites.states[to])
    }

    /// What the first layer of a run from `base` holds beside it, before it can be given up.
    pub fn leave_need(&self, base: usize) -> usize {
        self.links.states[self.sites.states[base] + 1]
    }

    /// What must be held to run on from `base` to `keep` before groups up to `last` are passed with it.
    fn need(&self, base: usize, keep: usize, last: usize) -> usize {
        self.run_need(base, keep) + self.last_delta(last)
    }

    /// Units that must be there to keep all of `base`'s group and the state that ends it while `beside` more are
    /// held, and how many of them stay taken; none where that is no choice, or where it exceeds the table.
    pub fn whole_group(&self, base: usize, first: usize, beside: usize) -> Option<(usize, usize)> {
        let whole = self.wholes[base].filter(|_| first == base)?;
        let taken = whole.inside + self.width(base + 1);
        let start = whole.need.max(taken + beside);
        (start < self.columns).then_some((start, taken))
    }

    /// Units of the states inside `group`.
    pub fn units_inside(&self, group: usize) -> usize {
        self.wholes[group].map_or(0, |whole| whole.inside)
    }

    /// Units of the delta that groups up to `last` start from.
    fn last_delta(&self, last: usize) -> usize {
        self.links.deltas[self.sites.states[last + 1] - 1]
    }

    fn fill(&mut self) {
        for last in 0..self.len() {
            let costs = self.group_costs(last);
            self.table.set(last, last, last, &costs);
            for base in (0..last).rev() {
                let kept: Vec<Vec<f64>> = (0..=last)
                    .map(|first| if first > base { self.kept_for(base, first, last) } else { Vec::new() })
                    .collect();
                for first in self.sites.firsts(base, base..last + 1) {
                    let mut costs = vec![f64::INFINITY; self.columns];
                    if first > base {
                        let start = self.leave_need(base) + self.last_delta(last);
                        let given_up = kept[first].get(start + self.width(base)..).unwrap_or_default();
                        lower_to_shifted(costs.get_mut(start..).unwrap_or_default(), given_up, 0.0);
                    }
                    for (next, kept) in kept.iter().enumerate().skip(first + 1) {
                        lower_to_sum(&mut costs, kept, self.table.row(base, first, next - 1));
                    }
                    if let Some((start, taken)) = self.whole_group(base, first, self.last_delta(last)) {
                        let rest = &self.table.row(base + 1, base + 1, last)[start - taken..];
                        lower_to_shifted(&mut costs[start..], rest, self.run_cost(base, base + 1));
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

    /// The costs of running on from `base` to the best site, and passing groups `first` to `last` with its state.
    fn kept_for(&self, base: usize, first: usize, last: usize) -> Vec<f64> {
        let mut best = vec![f64::INFINITY; self.columns];
        for keep in self.sites.keepers(base, first) {
            let start = self.need(base, keep, last).min(self.columns);
            let cost = self.run_cost(base, keep);
            let rest = &self.table.row(keep, first, last)[start - self.width(keep).min(start)..];
            lower_to_shifted(&mut best[start..], rest, cost);
        }
        best
    }

    /// How to pass groups `last` down to `first` from `base` in `units`, which must be possible; none where they are
    /// `base`'s own group.
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
                let cut = Cut { keep, first, base: Base::GivenUp };
                offer(kept(keep, first, units + self.width(base)), cut);
            }
        }
        for next in first + 1..=last {
            let below = self.table.row(base, first, next - 1)[units];
            for keep in self.sites.keepers(base, next) {
                offer(kept(keep, next, units) + below, Cut { keep, first: next, base: Base::Stays });
            }
        }
        if let Some((start, taken)) = self.whole_group(base, first, self.last_delta(last))
            && units >= start
        {
            let rest = self.table.row(base + 1, base + 1, last)[units - taken];
            let cut = Cut { keep: base + 1, first: base + 1, base: Base::StaysWithGroup };
            offer(self.run_cost(base, base + 1) + rest, cut);
        }
        best.map(|(_, cut)| cut)
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

/// Lowers `costs` to `cost` more than `others`, where that is less.
pub(super) fn lower_to_shifted(costs: &mut [f64], others: &[f64], cost: f64) {
    for (least, &other) in costs.iter_mut().zip(others) {
        let sum = other + cost;
        *least = if sum < *least { sum } else { *least };
    }
}

/// Lowers `costs` to the sums of `a` and `b`, where these are less.
pub(super) fn lower_to_sum(costs: &mut [f64], a: &[f64], b: &[f64]) {
    for ((least, &a), &b) in costs.iter_mut().zip(a).zip(b) {
        let sum = a + b;
        *least = if sum < *least { sum } else { *least };
    }
}
