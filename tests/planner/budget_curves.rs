//! Recomputation by budget, compared with every n, and fragmentation of pools.

use crate::chains::{Family, UNIT, length, of_odd_sizes, of_widths};
use crate::common::Random;
use ckpt_gpu::plan::{Chain, Plan, PoolLimits};
use ckpt_gpu::simulate::simulate;
use ckpt_gpu::strategy::Strategy;
use ckpt_gpu::strategy::budget::Solver;

fn solver(chain: &Chain) -> Solver {
    Solver::new(chain, PoolLimits::default()).unwrap()
}

fn plan(chain: &Chain, strategy: Strategy) -> Plan {
    strategy.plan(chain, PoolLimits::default(), 0).unwrap()
}

/// `count` budgets from the least to that of storing everything, at equal ratios.
fn budgets(solver: &mut Solver, chain: &Chain, count: u32) -> Vec<u64> {
    let (least, most) = (solver.least().unwrap(), plan(chain, Strategy::StoreAll).pool_bytes());
    let ratio = most as f64 / least as f64;
    let between = |step| (least as f64 * ratio.powf(f64::from(step) / f64::from(count - 1))) as u64;
    (0..count - 1).map(|step| between(step).clamp(least, most)).chain([most]).collect()
}

fn recomputation_never_rises(chain: &Chain, count: u32) {
    let mut solver = solver(chain);
    let mut before = u64::MAX;
    for budget in budgets(&mut solver, chain, count) {
        let plan = solver.plan(budget).unwrap();
        let plan = plan.unwrap_or_else(|| panic!("no plan in {budget} bytes of {chain:?}"));
        let cost = plan.prediction.recomputed_flops;
        assert!(cost <= before, "{cost} in {budget} bytes, {before} in fewer, of {chain:?}");
        before = cost;
    }
    assert_eq!(before, 0);
}

#[test]
fn more_bytes_never_cost_more_recomputation() {
    let mut random = Random::new(21);
    for index in 0..60 {
        let most = if index < 50 { 24 } else { 120 };
        let chain = Family::ALL[index % 5].chain(1 + random.below(most), &mut random);
        recomputation_never_rises(&chain, 30);
    }
}

#[test]
fn more_bytes_never_cost_more_recomputation_in_chains_of_odd_sizes() {
    let mut random = Random::new(22);
    for _ in 0..50 {
        let chain = of_odd_sizes(length(&mut random).min(80), &mut random);
        recomputation_never_rises(&chain, 30);
    }
}

/// Long chains are solved in coarser units and several levels.
#[test]
fn more_bytes_never_cost_more_recomputation_in_long_chains() {
    let mut random = Random::new(23);
    for (family, layers) in Family::ALL.into_iter().zip([300, 151, 160, 150, 180]) {
        recomputation_never_rises(&family.chain(layers, &mut random), 15);
    }
    recomputation_never_rises(&of_odd_sizes(150, &mut random), 15);
}

/// Lower bound on recomputation in `bytes`: at the loss, the output and its delta are live, and all states
/// that do not fit beside them must be recomputed at least once.
fn counting_bound(chain: &Chain, bytes: u64) -> u64 {
    let layers = chain.layers();
    let room = bytes - chain.state_bytes[layers] - chain.delta_bytes[layers - 1];
    // Largest cost that need not be recomputed, by units of room.
    let mut spared = vec![0; (room / UNIT) as usize + 1];
    for state in 1..layers {
        let size = (chain.state_bytes[state] / UNIT) as usize;
        for units in (size..spared.len()).rev() {
            spared[units] = spared[units].max(spared[units - size] + chain.forward_flops[state - 1]);
        }
    }
    chain.forward_flops[..layers - 1].iter().sum::<u64>() - spared[spared.len() - 1]
}

#[test]
fn recomputation_of_uneven_chains_is_close_to_the_lower_bound() {
    let mut random = Random::new(24);
    let mut family = |family: Family| family.chain(40, &mut random);
    let wide_first: Vec<u64> = (0..=40).map(|index| [16, 2][index % 2]).collect();
    let products = wide_first.windows(2).map(|pair| pair[0] * pair[1]).collect();
    struct Case {
        name: &'static str,
        chain: Chain,
        n: usize,
        /// Most recomputation within a budget, in percent of that of every n.
        of_every: u64,
        /// The same in percent of the lower bound.
        of_bound: u64,
    }
    let cases = [
        Case {
            name: "alternating 16/2",
            chain: of_widths(&wide_first, products),
            n: 2,
            of_every: 33,
            of_bound: 100,
        },
        Case {
            name: "alternating 2/16",
            chain: family(Family::Alternating),
            n: 2,
            of_every: 100,
            of_bound: 100,
        },
        Case { name: "funnel", chain: family(Family::Funnel), n: 10, of_every: 65, of_bound: 130 },
        Case { name: "bulge", chain: family(Family::Bulge), n: 4, of_every: 90, of_bound: 120 },
    ];
    for Case { name, chain, n, of_every, of_bound } in cases {
        let every = plan(&chain, Strategy::EveryN(n));
        let best = plan(&chain, Strategy::Budget(every.pool_bytes()));
        simulate(&best).unwrap();
        assert!(best.pool_bytes() <= every.pool_bytes());
        let bound = counting_bound(&chain, every.pool_bytes());
        let [every_cost, cost] = [&every, &best].map(|plan| plan.prediction.recomputed_flops);
        let share = |cost: u64| 100.0 * cost as f64 / every.prediction.forward_flops as f64;
        println!(
            "{name}, 40 layers, {} bytes: recomputed, in percent of a forward pass: every {n} {:.2}, \
             budget {:.2}, bound {:.2}",
            every.pool_bytes(),
            share(every_cost),
            share(cost),
            share(bound)
        );
        assert!(100 * cost <= of_every * every_cost, "{name}");
        assert!((bound..=of_bound * bound / 100).contains(&cost), "{name}");
    }
}

#[test]
fn no_every_n_that_fits_recomputes_less() {
    let mut random = Random::new(25);
    for index in 0..400 {
        let layers = length(&mut random);
        let chain = match index % 6 {
            5 => of_odd_sizes(layers, &mut random),
            family => Family::ALL[family].chain(layers, &mut random),
        };
        let mut solver = solver(&chain);
        for n in [1, 2, 3, 1 + random.below(layers), layers] {
            let every = plan(&chain, Strategy::EveryN(n));
            let best = solver.plan(every.pool_bytes()).unwrap().unwrap();
            assert!(best.pool_bytes() <= every.pool_bytes());
            let (cost, least) = (every.prediction.recomputed_flops, best.prediction.recomputed_flops);
            assert!(least <= cost, "{least} where every {n} takes {cost}, of {chain:?}");
        }
    }
}

/// Ratio of the pool's bytes to its live peak.
fn waste(plan: &Plan) -> f64 {
    plan.pool_bytes() as f64 / plan.peak_live_bytes() as f64
}

/// Draws chains of `family`, and asserts the most waste of their pools.
fn pools_waste_at_most(most: f64, family: Family) {
    let mut random = Random::new(26);
    let mut worst = (0.0, String::new());
    let (mut over, mut pools) = (0, 0);
    for layers in [1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 250] {
        let chain = family.chain(layers, &mut random);
        let mut count = |plan: Plan, what: &str| {
            pools += 1;
            if waste(&plan) > 1.05 {
                over += 1;
                println!("{family:?}, {layers} layers, {what}: {:.4}", waste(&plan));
            }
            if waste(&plan) > worst.0 {
                worst = (waste(&plan), format!("{layers} layers, {what}"));
            }
        };
        for n in [0, 2, 3, 4, 7, 10, 16, 31].into_iter().filter(|&n| n < layers) {
            count(plan(&chain, Strategy::EveryN(n)), &format!("every {n}"));
        }
        count(plan(&chain, Strategy::EveryAuto), "every-auto");
        let mut solver = solver(&chain);
        for budget in budgets(&mut solver, &chain, 8) {
            count(solver.plan(budget).unwrap().unwrap(), &format!("budget {budget}"));
        }
    }
    println!("{family:?}: {pools} pools, at most {:.4}, {}", worst.0, worst.1);
    assert!(worst.0 <= most, "{family:?}: {worst:?}");
    assert!(100 * over <= pools, "{over} of {pools} above 5 %");
}

#[test]
fn pools_of_even_chains_take_little_more_than_the_live_peak() {
    pools_waste_at_most(1.05, Family::Uniform);
    pools_waste_at_most(1.05, Family::Alternating);
}

#[test]
fn pools_of_funnels_take_little_more_than_the_live_peak() {
    pools_waste_at_most(1.10, Family::Funnel);
}

#[test]
fn pools_of_bulges_take_little_more_than_the_live_peak() {
    pools_waste_at_most(1.05, Family::Bulge);
}

/// Random sizes have no order, and some of their pools lose more.
#[test]
fn pools_of_random_chains_take_little_more_than_the_live_peak() {
    pools_waste_at_most(1.10, Family::Random);
}

/// Packing searches long chains with narrower beams, and loses more.
#[test]
fn pools_of_a_thousand_uneven_layers_take_at_most_a_quarter_more() {
    let mut random = Random::new(27);
    let widths: Vec<u64> = (0..=1000).map(|_| 8 + random.below(249) as u64).collect();
    // A batch of 100 samples, for sizes that no alignment divides.
    let state_bytes: Vec<u64> = widths.iter().map(|width| 400 * width).collect();
    let chain = Chain {
        delta_bytes: state_bytes[1..].to_vec(),
        state_bytes,
        forward_flops: widths.windows(2).map(|pair| pair[0] * pair[1]).collect(),
        fusible: Vec::new(),
        row_bytes: Vec::new(),
    };
    let all = plan(&chain, Strategy::StoreAll).pool_bytes();
    let strategies =
        [Strategy::EveryN(10), Strategy::EveryN(31), Strategy::EveryAuto, Strategy::Budget(all / 8)];
    for strategy in strategies {
        let waste = waste(&plan(&chain, strategy));
        println!("1,000 layers, {strategy}: {waste:.4}");
        assert!(waste <= 1.25, "{waste:.4}, {strategy}");
    }
}
