//! Recomputation under a budget, compared with exhaustive search and with the known optimum of uniform
//! chains.

use crate::chains::{Family, UNIT, of_widths};
use crate::common::Random;
use crate::exhaustive::Search;
use ckpt_gpu::plan::{Chain, PoolLimits};
use ckpt_gpu::strategy::budget::Solver;

/// Comparison of found plans with the optimum, over many budgets.
#[derive(Debug, Default)]
struct Tally {
    budgets: u64,
    optimal: u64,
    /// Budgets without a plan although one exists.
    missed: u64,
    /// Largest ratio of found to least cost: of forward pass and recomputation together, and of recomputation
    /// alone.
    worst_step: f64,
    worst_recomputed: f64,
    /// Most recomputation where none is needed, as a share of a forward pass.
    worst_needless: f64,
}

impl Tally {
    fn count(&mut self, least: Option<u64>, found: Option<u64>, forward: u64) {
        let Some(least) = least else {
            assert_eq!(found, None, "found a plan although none exists");
            return;
        };
        self.budgets += 1;
        let Some(found) = found else {
            self.missed += 1;
            return;
        };
        assert!(found >= least, "found {found}, less than the least possible, {least}");
        self.optimal += u64::from(found == least);
        let step = (forward + found) as f64 / (forward + least) as f64;
        self.worst_step = self.worst_step.max(step);
        if least > 0 {
            self.worst_recomputed = self.worst_recomputed.max(found as f64 / least as f64);
        } else {
            self.worst_needless = self.worst_needless.max(found as f64 / forward as f64);
        }
    }
}

/// Compares schedules and plans of `chains` with exhaustive search, at every budget in whole units.
fn compare(name: &str, chains: impl Iterator<Item = Chain>) {
    let (mut live, mut allocated, mut count) = (Tally::default(), Tally::default(), 0);
    for chain in chains {
        count += 1;
        let search = Search::new(&chain);
        let forward = chain.forward_flops.iter().sum();
        let mut solver = Solver::new(&chain, PoolLimits::default()).unwrap();
        let store_all = search.store_all_bytes();
        for bytes in (UNIT..=store_all).step_by(UNIT as usize) {
            let least = search.least_cost(bytes);
            let schedule = solver.schedule(bytes).unwrap();
            live.count(least, schedule.map(|found| found.recomputed_flops(&chain)), forward);
            let plan = solver.plan(bytes).unwrap();
            allocated.count(least, plan.map(|found| found.prediction.recomputed_flops), forward);
        }
    }
    println!("{name}: {count} chains\n  live {live:?}\n  allocated {allocated:?}");
    assert_eq!((live.optimal, live.missed), (live.budgets, 0));
    assert!(100 * allocated.optimal >= 99 * allocated.budgets);
    assert!(1000 * allocated.missed <= allocated.budgets);
}

/// Costs of the layers of a chain.
#[derive(Clone, Copy)]
enum Costs {
    Uniform,
    /// Products of neighbouring widths.
    Products,
}

/// All chains of 1 to `most_layers` layers whose widths are among these and start with the first.
fn grid(widths: &'static [u64], most_layers: usize, costs: Costs) -> impl Iterator<Item = Chain> {
    (1..=most_layers).flat_map(move |layers| grid_of(widths, layers, costs))
}

fn grid_of(widths: &'static [u64], layers: usize, costs: Costs) -> impl Iterator<Item = Chain> {
    (0..widths.len().pow(layers as u32)).map(move |mut index| {
        let mut sequence = vec![widths[0]];
        for _ in 0..layers {
            sequence.push(widths[index % widths.len()]);
            index /= widths.len();
        }
        let cost = |pair: &[u64]| match costs {
            Costs::Uniform => 1,
            Costs::Products => pair[0] * pair[1],
        };
        let costs = sequence.windows(2).map(cost).collect();
        of_widths(&sequence, costs)
    })
}

#[test]
fn two_widths_at_uniform_costs_match_exhaustive_search() {
    compare("widths 1 and 4, uniform costs", grid(&[1, 4], 8, Costs::Uniform));
}

#[test]
fn two_widths_at_product_costs_match_exhaustive_search() {
    compare("widths 1 and 4, product costs", grid(&[1, 4], 8, Costs::Products));
}

#[test]
fn three_widths_at_uniform_costs_match_exhaustive_search() {
    compare("widths 1, 2 and 5, uniform costs", grid(&[1, 2, 5], 7, Costs::Uniform));
}

#[test]
fn three_widths_at_product_costs_match_exhaustive_search() {
    compare("widths 1, 2 and 5, product costs", grid(&[1, 2, 5], 7, Costs::Products));
}

#[test]
fn very_uneven_widths_match_exhaustive_search() {
    compare("widths 1 and 16, product costs", grid(&[1, 16], 7, Costs::Products));
}

#[test]
fn random_chains_match_exhaustive_search() {
    let mut random = Random::new(11);
    compare(
        "random, up to 8 layers",
        (0..1000).map(|index| Family::Random.chain(1 + index % 8, &mut random)),
    );
}

#[test]
fn random_chains_of_9_layers_match_exhaustive_search() {
    let mut random = Random::new(13);
    compare("random, 9 layers", (0..100).map(|_| Family::Random.chain(9, &mut random)));
}

#[test]
fn chains_of_every_family_match_exhaustive_search() {
    let mut random = Random::new(12);
    let families = Family::ALL.into_iter().flat_map(|family| (1..=9).map(move |layers| (family, layers)));
    compare("families", families.map(|(family, layers)| family.chain(layers, &mut random)));
}

/// Least number of recomputed layers in a uniform chain, with room for `units` states and deltas.
///
/// With c snapshots, the first state among them, reversing L steps takes r·L − C(c + r, r − 1) steps forward,
/// where r is the least number with C(c + r, r) ≥ L (Griewank and Walther, "Algorithm 799: Revolve", 2000).
/// Here state 0 is a snapshot that takes no room, and two units are set aside: one for a layer's state or the
/// output, and one for another delta. L − 1 of the steps belong to the forward pass.
fn uniform_optimum(layers: u64, units: u64) -> Option<u64> {
    if units < layers.min(2) + 1 {
        return None;
    }
    if layers == 1 {
        return Some(0);
    }
    let snapshots = units - 2;
    let replays = (1..).find(|&replays| choose(snapshots + replays, replays) >= layers)?;
    Some(replays * layers - choose(snapshots + replays, replays - 1) - (layers - 1))
}

/// C(n, k), saturating.
fn choose(n: u64, k: u64) -> u64 {
    (0..k.min(n - k)).fold(1u64, |product, index| match product.checked_mul(n - index) {
        Some(product) => product / (index + 1),
        None => u64::MAX,
    })
}

/// The closed form comes from another model of memory; this checks that it was translated correctly.
#[test]
fn closed_form_for_uniform_chains_matches_exhaustive_search() {
    for layers in 1..=10 {
        let search = Search::new(&Chain::uniform(layers, UNIT, 1));
        for units in 1..=layers as u64 + 3 {
            let expected = uniform_optimum(layers as u64, units);
            assert_eq!(search.least_cost(units * UNIT), expected, "{layers} layers, {units} units");
        }
    }
}

fn uniform_chains_get_the_optimum(lengths: impl Iterator<Item = usize>) {
    for layers in lengths {
        let chain = Chain::uniform(layers, UNIT, 1);
        let mut solver = Solver::new(&chain, PoolLimits::default()).unwrap();
        let mut budgets = 0;
        for units in 1..=layers as u64 + 2 {
            let expected = uniform_optimum(layers as u64, units);
            let found = solver.plan(units * UNIT).unwrap();
            let cost = found.map(|plan| plan.prediction.recomputed_flops);
            assert_eq!(cost, expected, "{layers} layers, {units} units");
            budgets += u64::from(cost.is_some());
        }
        assert_eq!(budgets, layers as u64 + 1 - layers.min(2) as u64 + 1);
    }
}

#[test]
fn uniform_chains_of_up_to_60_layers_get_the_known_optimum() {
    uniform_chains_get_the_optimum(1..=60);
}

#[test]
fn long_uniform_chains_get_the_known_optimum() {
    uniform_chains_get_the_optimum([75, 97, 120, 150].into_iter());
}

#[test]
fn a_thousand_equal_layers_get_the_known_optimum() {
    let chain = Chain::uniform(1000, UNIT, 1);
    let mut solver = Solver::new(&chain, PoolLimits::default()).unwrap();
    for units in [4, 6, 12, 44, 100, 500, 990] {
        let found = solver.plan(units * UNIT).unwrap();
        let cost = found.map(|plan| plan.prediction.recomputed_flops);
        assert_eq!(cost, uniform_optimum(1000, units), "{units} units");
    }
}

/// With m units, checkpoints at intervals of m − 1, m − 2, … layers suffice to recompute each layer at most
/// once. At the loss, the output and its delta leave room for m − 2 of the L − 1 states between, and the
/// others must be recomputed: no schedule recomputes fewer.
#[test]
fn one_recompute_per_layer_suffices_where_shrinking_intervals_cover_the_chain() {
    for layers in [2, 3, 10, 36, 37, 61, 105, 149] {
        let chain = Chain::uniform(layers, UNIT, 1);
        let mut solver = Solver::new(&chain, PoolLimits::default()).unwrap();
        for units in 3..=layers + 1 {
            let schedule = solver.schedule(units as u64 * UNIT).unwrap().unwrap();
            let mut times = vec![0; layers];
            for layer in schedule.recomputed() {
                times[layer] += 1;
            }
            let covered: usize = (1..units).sum();
            let most = times.iter().max().copied();
            assert_eq!(most > Some(1), covered < layers, "{layers} layers, {units} units");
            if covered >= layers {
                assert_eq!(times.iter().sum::<usize>(), layers + 1 - units);
            }
        }
    }
}
