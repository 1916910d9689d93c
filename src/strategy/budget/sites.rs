use std::ops::Range;

use super::links::Links;

/// What solving for a segment may take, for each column of its table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Effort {
    pub operations: f64,
    pub rows: f64,
}

impl Effort {
    /// An equal share for each of `groups`, and as much again for what joins them.
    pub fn share(self, groups: usize) -> Self {
        let share = 1.0 / (groups as f64 + 1.0);
        Effort { operations: self.operations * share, rows: self.rows * share }
    }
}

/// Where a solver may keep states, and which of these it may give up before backward has passed them.
pub(super) struct Sites {
    /// States in ascending order, from the one that the segment starts from to the one that it ends with.
    pub states: Vec<usize>,
    /// Whether the state at each position may be given up early.
    pub droppable: Vec<bool>,
}

impl Sites {
    /// As many of the states of `layers` as a solver can handle at about this `effort`.
    ///
    /// With n sites, keeping states until backward has passed them takes n³ / 6 operations and n² / 2 rows; each site
    /// whose state may be given up earlier takes n³ / 6 and n² / 6 more. Where not every state can be a site, those
    /// are that are narrow.
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

    /// The sites whose state may be kept for groups from `first` on, for a sweep from `base`.
    pub fn keepers(&self, base: usize, first: usize) -> Range<usize> {
        let from = if self.droppable[first] { base + 1 } else { first };
        from..first + 1
    }

    /// Those of `sites` that a sweep from `base` may stop at: `base` itself, and such as may be given up.
    pub fn firsts(&self, base: usize, sites: Range<usize>) -> impl Iterator<Item = usize> + '_ {
        sites.filter(move |&first| first == base || self.droppable[first])
    }
}

/// At most `count` of `items`, spread over all of them: of each of `count` stretches the one with the least `size`,
/// and among equals the last.
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
