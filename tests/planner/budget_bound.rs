//! Lower bounds on recomputation.

use crate::chains::{Family, UNIT, of_odd_sizes};
use crate::common::Random;
use ckpt_gpu::plan::{Chain, PoolLimits};
use ckpt_gpu::strategy::Strategy;
use ckpt_gpu::strategy::budget::Solver;

fn solver(chain: &Chain) -> Solver {
    Solver::new(chain, PoolLimits::default()).unwrap()
}

/// In the memory of six states, Revolve recomputes 374.5 % of a forward pass, less than the plan found.
#[test]
fn no_bound_where_states_were_left_out() {
    let chain = Chain::uniform(200, UNIT, 1);
    let mut solver = solver(&chain);
    assert!(solver.plan(6 * UNIT).unwrap().is_some());
    assert_eq!(solver.bound(6 * UNIT), None);
    // Nothing is recomputed if everything fits.
    assert_eq!(solver.bound(u64::MAX), Some(0.0));
}

/// States in a kernel's workgroup memory take none of the bytes that the tables count.
#[test]
fn no_bound_where_layers_run_together() {
    let chain = Chain { fusible: std::iter::once(0..20).collect(), ..Chain::uniform(20, UNIT, 1) };
    let mut solver = solver(&chain);
    let bytes = solver.least().unwrap() + 2 * UNIT;
    assert!(solver.plan(bytes).unwrap().is_some());
    assert_eq!(solver.bound(bytes), None);
    assert_eq!(solver.bound(u64::MAX), Some(0.0));
}

/// A schedule that recomputes early, while a small delta is held, costs 46 in 200 bytes. The tables have 53.
#[test]
fn no_bound_where_deltas_have_sizes_of_their_own() {
    let chain = Chain {
        state_bytes: vec![72, 64, 48, 88, 8, 32, 72, 48],
        delta_bytes: vec![80, 40, 32, 72, 32, 40, 56],
        forward_flops: vec![4, 12, 6, 14, 8, 1, 19],
        fusible: Vec::new(),
        row_bytes: Vec::new(),
    };
    let mut solver = solver(&chain);
    assert!(solver.schedule(200).unwrap().is_some());
    assert_eq!(solver.bound(200), None);
    assert_eq!(solver.bound(u64::MAX), Some(0.0));
}

#[test]
fn no_plan_is_below_a_bound_and_schedules_of_short_chains_meet_it() {
    let mut random = Random::new(41);
    let (mut known, mut unknown) = (0, 0);
    for index in 0..60 {
        let layers = 1 + random.below(36);
        let chain = match index % 6 {
            5 => of_odd_sizes(layers, &mut random),
            family => Family::ALL[family].chain(layers, &mut random),
        };
        let mut solver = solver(&chain);
        let least = solver.least().unwrap();
        let most = Strategy::StoreAll.plan(&chain, PoolLimits::default(), 0).unwrap().pool_bytes();
        for step in 0..6 {
            let bytes = least + (most - least) * step / 5;
            let plan = solver.plan(bytes).unwrap().unwrap();
            let Some(bound) = solver.bound(bytes) else {
                unknown += 1;
                continue;
            };
            known += 1;
            let cost = plan.prediction.recomputed_flops as f64;
            assert!(bound <= cost, "{cost} in {bytes} bytes, below {bound}, of {chain:?}");
            let schedule = solver.schedule(bytes).unwrap().unwrap();
            assert_eq!(schedule.recomputed_flops(&chain) as f64, bound, "in {bytes} bytes, of {chain:?}");
        }
    }
    assert!(known > 200 && unknown > 0, "{known} known, {unknown} unknown");
}
