//! Recomputation of long uneven chains, and plans in the bytes that they take.

use crate::chains::{Family, length, of_odd_sizes};
use crate::common::Random;
use ckpt_gpu::plan::{Chain, PoolLimits};
use ckpt_gpu::simulate::simulate;
use ckpt_gpu::strategy::Strategy;
use ckpt_gpu::strategy::budget::Solver;

/// Lower bound on recomputation in `bytes`: what is not live at the loss must be recomputed. Keeping a part of a state counts as
/// that part of its cost.
fn counting_bound(chain: &Chain, bytes: u64) -> f64 {
    let layers = chain.layers();
    let mut left = (bytes - chain.state_bytes[layers] - chain.delta_bytes[layers - 1]) as f64;
    let mut states: Vec<(f64, f64)> = (1..layers)
        .map(|state| (chain.forward_flops[state - 1] as f64, chain.state_bytes[state] as f64))
        .collect();
    states.sort_by(|(a, a_bytes), (b, b_bytes)| (b / b_bytes).total_cmp(&(a / a_bytes)));
    let mut cost = 0.0;
    for (flops, bytes) in states {
        cost += flops * (1.0 - (left / bytes).min(1.0));
        left = (left - bytes).max(0.0);
    }
    cost
}

/// Forward pass and recomputation together, compared with what any schedule takes.
#[test]
fn plans_of_long_uneven_chains_are_close_to_the_bound() {
    let mut random = Random::new(51);
    for (family, layers) in Family::ALL.into_iter().zip([400, 300, 350, 300, 500]) {
        let chain = family.chain(layers, &mut random);
        let all = Strategy::StoreAll.plan(&chain, PoolLimits::default(), 0).unwrap();
        let forward = all.prediction.forward_flops as f64;
        let mut solver = Solver::new(&chain, PoolLimits::default()).unwrap();
        for (divisor, most) in [(1.02, 1.006), (1.1, 1.008), (1.5, 1.015), (3.0, 1.03), (8.0, 1.06)] {
            let bytes = (all.pool_bytes() as f64 / divisor) as u64;
            let plan = solver.plan(bytes).unwrap().unwrap();
            simulate(&plan).unwrap();
            let cost = forward + plan.prediction.recomputed_flops as f64;
            let bound = forward + counting_bound(&chain, bytes);
            println!("{family:?}, {layers} layers, store-all / {divisor}: {:.4}", cost / bound);
            assert!((1.0..=most).contains(&(cost / bound)), "{family:?}, {divisor}: {cost}, bound {bound}");
        }
    }
}

#[test]
fn the_least_budget_of_a_long_chain_has_a_plan() {
    let chain = Family::Random.chain(320, &mut Random::new(53));
    let mut solver = Solver::new(&chain, PoolLimits::default()).unwrap();
    let least = solver.least().unwrap();
    let plan = solver.plan(least).unwrap().unwrap();
    simulate(&plan).unwrap();
    assert!(plan.bytes() <= least);
}

#[test]
fn plans_are_found_again_in_the_bytes_that_they_take() {
    let mut random = Random::new(52);
    for index in 0..40 {
        let layers = if index % 10 == 9 { 150 } else { length(&mut random) };
        let chain = match index % 6 {
            5 => of_odd_sizes(layers, &mut random),
            family => Family::ALL[family].chain(layers, &mut random),
        };
        let mut solver = Solver::new(&chain, PoolLimits::default()).unwrap();
        let (least, most) =
            (solver.least().unwrap() as f64, solver.plan(u64::MAX).unwrap().unwrap().bytes() as f64);
        for step in 0..5 {
            let plan =
                solver.plan((least * (most / least).powf(f64::from(step) / 5.0)) as u64).unwrap().unwrap();
            let again = solver.plan(plan.bytes()).unwrap();
            let again = again.unwrap_or_else(|| panic!("no plan in {} bytes of {chain:?}", plan.bytes()));
            let [cost, before] = [again, plan].map(|plan| plan.prediction.recomputed_flops);
            assert!(cost <= before, "{cost}, where {before} was found, in its bytes, of {chain:?}");
        }
    }
}
