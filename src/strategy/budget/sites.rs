//! Sites: the states that the solver considers keeping.

use std::ops::Range;

use super::links::Links;

/// Limits on the work of solving a segment, for each column of its table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Effort {
    pub operations: f64,
    pub rows: f64,
}

impl Effort {
    /// An equal share for each of `groups`, and one for the segment that joins them.
    pub fn share(self, groups: usize) -> Self {
        let share = 1.0 / (groups as f64 + 1.0);
        Effort { operations: self.operations * share, rows: self.rows * share }
    }
}

/// States that a solver may keep, and which of them it may release before the backward pass has reached them.
pub(super) struct Sites {
    /// States in ascending order, from the first to the last of the segment.
    pub states: Vec<usize>,
    /// `true` for each state that may be released early.
    pub droppable: Vec<bool>,
}

impl Sites {
    /// Chooses as many states of `layers` as a solver can handle at about this `effort`.
    ///
    /// With n sites, keeping states until the backward pass has reached them takes n³ / 6 operations and n² /
    /// 2 rows, and each site whose state may be released earlier takes up to n³ / 6 operations and n² / 6
    /// rows more. If not every state can be a site, narrow ones are chosen.
    pub fn choose(links: &Links, layers: Range<usize>, effort: Effort) -> Self {
        let Effort { operations, rows } = effort;
        let most = (operations * 4.0).cbrt().min((rows * 1.5).sqrt()).max(2.0) as usize;
        let inner: Vec<usize> = (layers.start + 1..layers.end).collect();
        let kept = narrowest(&inner, most - 1, |&state| links.states[state]);
        let states: Vec<usize> = [layers.start].into_iter().chain(kept).chain([layers.end]).collect();

        let groups = states.len() as f64 - 1.0;
        let (cube, square) = (groups.powi(3) / 6.0, groups.powi(2) / 2.0);
        let affordable = ((operations - cube) / cube).min((rows - square) / square * 3.0);
        let droppable_sites = affordable.max(0.0) as usize;
        let mut droppable = vec![false; states.len()];
        let positions: Vec<usize> = (1..states.len() - 1).collect();
        for position in narrowest(&positions, droppable_sites, |&position| links.states[states[position]]) {
            droppable[position] = true;
        }
        Sites { states, droppable }
    }

    /// Sites whose state may be kept for groups from `first` on, when running on from `base`.
    pub fn keepers(&self, base: usize, first: usize) -> Range<usize> {
        let from = if self.droppable[first] { base + 1 } else { first };
        from..first + 1
    }

    /// Those of `sites` that may be the first group for `base`: `base` itself, and droppable sites.
    pub fn firsts(&self, base: usize, sites: Range<usize>) -> impl Iterator<Item = usize> + '_ {
        sites.filter(move |&first| first == base || self.droppable[first])
    }
}

/// At most `count` of `items`, spread over all of them: the item of least `size` in each of `count`
/// stretches, and the last among equals.
fn narrowest(items: &[usize], count: usize, size: impl Fn(&usize) -> usize) -> Vec<usize> {
    if items.len() <= count {
        return items.to_vec();
    }
    let start = |stretch: usize| stretch * items.len() / count;
    (0..count)
        .filter_map(|stretch| {
            items[start(stretch)..start(stretch + 1)].iter().rev().min_by_key(|item| size(item)).copied()
        })
        .collect()
}
