//! The table of least costs that dynamic programming fills.

use super::sites::Sites;

/// Least costs by memory: one row for each (base, first, last) that the solver considers, one column for each
/// number of units.
pub(super) struct Table {
    columns: usize,
    groups: usize,
    /// Number of droppable sites before each position.
    rank: Vec<usize>,
    /// First row of each (base, last).
    starts: Vec<usize>,
    costs: Vec<f64>,
}

impl Table {
    /// A table for the groups between `sites`, with infinite costs.
    pub fn new(sites: &Sites, columns: usize) -> Self {
        let groups = sites.states.len() - 1;
        let mut rank = vec![0];
        for &droppable in &sites.droppable {
            rank.push(rank[rank.len() - 1] + usize::from(droppable));
        }
        let mut rows = 0;
        let mut starts = vec![0; groups * groups];
        for base in 0..groups {
            for last in base..groups {
                starts[base * groups + last] = rows;
                rows += 1 + rank[last + 1] - rank[base + 1];
            }
        }
        Table { columns, groups, rank, starts, costs: vec![f64::INFINITY; rows * columns] }
    }

    /// Costs of running groups `last` down to `first` backward from the state at site `base`, `[columns]`.
    /// `first` is `base`, or a droppable site after it.
    pub fn row(&self, base: usize, first: usize, last: usize) -> &[f64] {
        let start = self.start(base, first, last);
        &self.costs[start..start + self.columns]
    }

    pub fn set(&mut self, base: usize, first: usize, last: usize, costs: &[f64]) {
        let start = self.start(base, first, last);
        self.costs[start..start + self.columns].copy_from_slice(costs);
    }

    fn start(&self, base: usize, first: usize, last: usize) -> usize {
        let partial = if first == base { 0 } else { 1 + self.rank[first] - self.rank[base + 1] };
        (self.starts[base * self.groups + last] + partial) * self.columns
    }
}
