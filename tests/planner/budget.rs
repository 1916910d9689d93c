//! Simulation of every strategy's plans, budgets kept to the byte, and pools of several buffers.

use std::collections::BTreeSet;

use crate::chains::{Family, length, of_odd_sizes, resized};
use crate::common::Random;
use ckpt_gpu::Error;
use ckpt_gpu::plan::{Chain, Plan, PoolLimits};
use ckpt_gpu::simulate::simulate;
use ckpt_gpu::strategy::Strategy;
use ckpt_gpu::strategy::budget::Solver;

/// Simulates `plan`, and panics if it is invalid.
fn check_plan(plan: &Plan, what: &str) {
    simulate(plan).unwrap_or_else(|error| panic!("{what} of {:?}: {error}", plan.chain));
    assert!(plan.peak_live_bytes() <= plan.pool_bytes(), "{what} of {:?}", plan.chain);
}

fn plan(chain: &Chain, strategy: Strategy) -> Plan {
    strategy.plan(chain, PoolLimits::default(), 0).unwrap()
}

/// Checks plans of every strategy for one chain.
fn check_strategies(chain: &Chain, random: &mut Random) {
    let layers = chain.layers();
    let store_all = plan(chain, Strategy::StoreAll);
    check_plan(&store_all, "store-all");
    assert_eq!(store_all.prediction.recomputed_layers, 0);
    for n in BTreeSet::from([2, 1 + random.below(layers), 1 + random.below(layers.div_ceil(3))]) {
        check_plan(&plan(chain, Strategy::EveryN(n)), &format!("every {n}"));
    }
    check_plan(&plan(chain, Strategy::EveryAuto), "every-auto");

    let mut solver = Solver::new(chain, PoolLimits::default()).unwrap();
    let (least, most) = (solver.least().unwrap(), store_all.pool_bytes());
    // Right after `least`, the solver still has the tables of the lowest level.
    if let Some(plan) = solver.plan(least - 1).unwrap() {
        assert!(plan.pool_bytes() < least);
        check_plan(&plan, "less than the least");
    }
    let mut between = || least + random.below((most - least + 1) as usize) as u64;
    for budget in BTreeSet::from([least, between(), between(), most.max(least + 1) - 1, most]) {
        let plan = solver.plan(budget).unwrap();
        let plan = plan.unwrap_or_else(|| panic!("no plan in {budget} bytes, least {least}, of {chain:?}"));
        assert!(plan.pool_bytes() <= budget, "{} of {budget} bytes, of {chain:?}", plan.pool_bytes());
        check_plan(&plan, &format!("budget {budget}"));
        // A smaller pool may hold all states, too: a search for less recomputation takes longer.
        let recomputes = plan.prediction.recomputed_layers > 0;
        assert!(!recomputes || budget < most, "{budget} of {most}, of {chain:?}");
    }
}

/// Checks five hundred chains of a family, half of them with sizes that no alignment divides.
fn check_family(family: Family, seed: u64) {
    let mut random = Random::new(seed);
    for index in 0..500 {
        let mut chain = family.chain(length(&mut random), &mut random);
        if index % 2 == 1 {
            chain = resized(chain, &mut random);
        }
        check_strategies(&chain, &mut random);
    }
}

#[test]
fn every_strategy_is_valid_on_uniform_chains() {
    check_family(Family::Uniform, 1);
}

#[test]
fn every_strategy_is_valid_on_alternating_chains() {
    check_family(Family::Alternating, 2);
}

#[test]
fn every_strategy_is_valid_on_funnels() {
    check_family(Family::Funnel, 3);
}

#[test]
fn every_strategy_is_valid_on_bulges() {
    check_family(Family::Bulge, 4);
}

#[test]
fn every_strategy_is_valid_on_random_chains() {
    check_family(Family::Random, 5);
}

#[test]
fn every_strategy_is_valid_on_chains_of_odd_sizes() {
    let mut random = Random::new(6);
    for _ in 0..400 {
        let chain = of_odd_sizes(length(&mut random), &mut random);
        check_strategies(&chain, &mut random);
    }
}

#[test]
fn budget_below_minimum_is_rejected_with_a_sufficient_one() {
    let mut random = Random::new(7);
    for index in 0..200 {
        let chain = if index % 2 == 0 {
            of_odd_sizes(length(&mut random), &mut random)
        } else {
            Family::ALL[index / 2 % 5].chain(length(&mut random), &mut random)
        };
        let beside = random.below(100_000) as u64;
        let plan = |bytes| Strategy::Budget(bytes).plan(&chain, PoolLimits::default(), beside);
        let mut sufficient = None;
        for budget in [0, random.below(beside as usize + 1) as u64, beside, beside + 3] {
            let refused = plan(budget);
            let Err(Error::OverBudget { budget: given, least, .. }) = refused else {
                panic!("{refused:?} in {budget} bytes with {beside} beside, of {chain:?}");
            };
            assert_eq!(given, budget);
            assert_eq!(*sufficient.get_or_insert(least), least, "of {chain:?}");
        }
        let least = sufficient.unwrap();
        let enough = plan(least).unwrap_or_else(|error| panic!("{error}, of {chain:?}"));
        assert!(enough.pool_bytes() + beside <= least);
        check_plan(&enough, "least budget");
        let roomy = plan(u64::MAX).unwrap();
        assert_eq!(roomy.prediction.recomputed_layers, 0);
    }
}

/// Peak bytes of a step that recomputes from the batch for each layer's backward pass.
fn bytes_of_starting_over(chain: &Chain) -> u64 {
    let layers = chain.layers();
    let state = |index: usize| if index == 0 { 0 } else { chain.state_bytes[index] };
    let (mut run, mut most) = (0, state(layers) + chain.delta_bytes[layers - 1]);
    for layer in 0..layers {
        let delta = chain.delta_bytes[layer];
        let below = if layer == 0 { 0 } else { chain.delta_bytes[layer - 1] };
        most = most.max(run + delta).max(state(layer) + delta + below);
        run = run.max(state(layer) + state(layer + 1));
    }
    most.max(run)
}

#[test]
fn least_budget_is_close_to_starting_over_for_every_layer() {
    let mut random = Random::new(10);
    for family in Family::ALL {
        for layers in (1..=20).chain([25, 31, 40, 57, 80, 100]) {
            let chain = family.chain(layers, &mut random);
            let least = Solver::new(&chain, PoolLimits::default()).unwrap().least().unwrap();
            let enough = bytes_of_starting_over(&chain);
            assert!(100 * least <= 105 * enough, "least {least}, {enough} are enough, of {chain:?}");
        }
    }
}

#[test]
fn planning_is_deterministic() {
    let mut random = Random::new(8);
    for index in 0..60 {
        let chain = Family::ALL[index % 5].chain(length(&mut random), &mut random);
        let limits = PoolLimits::default();
        let mut solver = Solver::new(&chain, limits).unwrap();
        let (least, most) = (solver.least().unwrap(), plan(&chain, Strategy::StoreAll).pool_bytes());
        let budgets: Vec<u64> = (0..6).map(|step| least + (most - least) * step / 5).collect();
        let plans: Vec<_> = budgets.iter().map(|&budget| solver.plan(budget).unwrap()).collect();
        for (&budget, first) in budgets.iter().zip(&plans).rev() {
            assert_eq!(&solver.plan(budget).unwrap(), first, "asked again for {budget}, of {chain:?}");
            let beside = random.below(1000) as u64;
            let fresh = Strategy::Budget(budget + beside).plan(&chain, limits, beside).unwrap();
            assert_eq!(Some(fresh), *first, "asked anew for {budget}, of {chain:?}");
        }
        for strategy in [Strategy::StoreAll, Strategy::EveryN(3), Strategy::EveryAuto] {
            assert_eq!(plan(&chain, strategy), plan(&chain, strategy), "{strategy} of {chain:?}");
        }
    }
}

/// Checks every strategy's pool of `chain` against `limits`. Returns how many pools had several buffers, one
/// of them with several values.
fn check_pools(limits: PoolLimits, chain: &Chain) -> usize {
    let mut solver = Solver::new(chain, limits).unwrap();
    let store_all = Strategy::StoreAll.plan(chain, limits, 0).unwrap();
    let (least, most) = (solver.least().unwrap(), store_all.pool_bytes());
    let mut plans = vec![
        store_all,
        Strategy::EveryN(2).plan(chain, limits, 0).unwrap(),
        Strategy::EveryN(5).plan(chain, limits, 0).unwrap(),
    ];
    for step in 0..4 {
        let budget = least + (most - least) * step / 4;
        let plan = solver.plan(budget).unwrap().unwrap();
        assert!(plan.pool_bytes() <= budget);
        plans.push(plan);
    }
    let mut packed = 0;
    for plan in plans {
        check_plan(&plan, &format!("in buffers of {}", limits.block_bytes));
        let pool = &plan.blocks[1..];
        assert!(pool.iter().all(|block| block.bytes <= limits.block_bytes), "{limits:?} {chain:?}");
        for slot in &plan.slots {
            let end = slot.offset + slot.bytes;
            assert!(end <= plan.blocks[slot.block].bytes, "{slot:?} straddles, {limits:?} {chain:?}");
            assert!(slot.offset.is_multiple_of(limits.alignment), "{slot:?} {limits:?}");
        }
        let full = pool.iter().filter(|block| block.bytes == limits.block_bytes).count();
        packed += usize::from(full > 0 && plan.slots.iter().any(|slot| slot.offset > 0));
    }
    packed
}

/// Buffer sizes are multiples of the alignment, as on devices.
#[test]
fn no_slot_straddles_the_buffers_of_a_pool() {
    let mut random = Random::new(9);
    let mut packed = 0;
    for index in 0..60 {
        let layers = length(&mut random).min(60);
        let chain = match index % 3 {
            0 => Family::Random.chain(layers, &mut random),
            1 => resized(Family::ALL[1 + index / 3 % 4].chain(layers, &mut random), &mut random),
            _ => of_odd_sizes(layers, &mut random),
        };
        let sizes = chain.state_bytes.iter().chain(&chain.delta_bytes);
        let largest = sizes.max().copied().unwrap().next_multiple_of(256);
        let block_bytes = largest + 256 * random.below(largest as usize / 128 + 2) as u64;
        packed += check_pools(PoolLimits { block_bytes, ..PoolLimits::default() }, &chain);
    }
    assert!(packed > 100, "only {packed} pools of several buffers hold several values in one");
}

/// A few layers of sizes without a common divisor have too many units for one table, and few bytes between
/// the least memory and storing everything.
#[test]
fn short_chains_of_large_odd_sizes_are_planned() {
    let mut random = Random::new(17);
    for layers in [1, 1, 1, 2, 2, 3] {
        let mut sizes = |count: usize| {
            (0..count).map(|_| 4_000_001 + 2 * random.below(5_000_000) as u64).collect::<Vec<u64>>()
        };
        let chain = Chain {
            state_bytes: sizes(layers + 1),
            delta_bytes: sizes(layers),
            forward_flops: vec![1; layers],
            fusible: Vec::new(),
            row_bytes: Vec::new(),
        };
        let mut solver = Solver::new(&chain, PoolLimits::default()).unwrap();
        let least = solver.least().unwrap();
        assert!(solver.plan(1).unwrap().is_none());
        let plan = solver.plan(least).unwrap().unwrap();
        simulate(&plan).unwrap();
        assert!(plan.pool_bytes() <= least);
    }
}
