//! Plans where several layers run as one action: simulated, and compared with the same schedules layer by
//! layer.

use crate::common::Random;
use ckpt_gpu::memory::{ByCategory, Category};
use ckpt_gpu::plan::{Action, Chain, Fusible, Layers, Plan, PoolLimits};
use ckpt_gpu::simulate::simulate;
use ckpt_gpu::strategy::Strategy;
use ckpt_gpu::strategy::budget::Solver;

fn plan(chain: &Chain, strategy: Strategy) -> Plan {
    strategy.plan(chain, PoolLimits::default(), 0).unwrap()
}

fn uniform(layers: usize, fusible: &[(std::ops::Range<usize>, usize)]) -> Chain {
    let fusible = fusible.iter().map(|(layers, most)| Fusible { layers: layers.clone(), most: *most });
    Chain { fusible: fusible.collect(), ..Chain::uniform(layers, 100, 1) }
}

fn words(actions: &[Action]) -> Vec<String> {
    let without_slots = |action: &Action| action.to_string().split(':').next().unwrap().to_owned();
    actions.iter().filter(|action| !action.is_release()).map(without_slots).collect()
}

#[test]
fn intervals_become_one_action_in_each_direction() {
    // Layer 0 runs alone, as wide input layers do; of the others, three run at once.
    let chain = uniform(9, &[(1..9, 3)]);
    let plan = plan(&chain, Strategy::EveryN(3));
    simulate(&plan).unwrap();
    assert_eq!(
        words(&plan.step),
        [
            "forward layer 0",
            "forward layers 1-2",
            "forward layers 3-5",
            // The states of the last interval are kept from the forward pass.
            "forward layer 6",
            "forward layer 7",
            "forward layer 8",
            "loss",
            "backward layer 8",
            "backward layer 7",
            "backward layer 6",
            "backward layers 3-5",
            "recompute layer 0",
            "backward layers 1-2",
            "backward layer 0",
        ]
    );
    assert_eq!(
        words(&plan.evaluation),
        ["forward layer 0", "forward layers 1-3", "forward layers 4-6", "forward layers 7-8", "score"]
    );
    // Layers 3 and 4; layer 0 in memory and layer 1 in the kernel.
    assert_eq!((plan.prediction.recomputed_layers, plan.prediction.recomputed_flops), (4, 4));
    assert_eq!(plan.pool()[Category::Recomputed], 0);
}

#[test]
fn highest_layers_of_a_long_interval_are_fused() {
    let chain = uniform(12, &[(0..12, 4)]);
    let plan = plan(&chain, Strategy::EveryN(10));
    simulate(&plan).unwrap();
    let backward = words(&plan.step);
    let after_loss = backward.iter().position(|word| word == "loss").unwrap() + 1;
    assert_eq!(
        backward[after_loss..],
        [
            "backward layer 11",
            "backward layer 10",
            "recompute layer 0",
            "recompute layer 1",
            "recompute layer 2",
            "recompute layer 3",
            "recompute layer 4",
            "recompute layer 5",
            "backward layers 6-9",
            "backward layer 5",
            "backward layer 4",
            "backward layer 3",
            "backward layer 2",
            "backward layer 1",
            "backward layer 0",
        ]
    );
    // Six layers in memory, three in the kernel.
    assert_eq!(plan.prediction.recomputed_layers, 9);
}

#[test]
fn store_all_runs_layer_by_layer() {
    let chain = uniform(7, &[(0..7, 4)]);
    let fused = plan(&chain, Strategy::StoreAll);
    let apart = plan(&Chain { fusible: Vec::new(), ..chain.clone() }, Strategy::StoreAll);
    assert_eq!(fused.step, apart.step);
    assert_eq!(words(&fused.evaluation), ["forward layers 0-3", "forward layers 4-6", "score"]);
}

/// Any layers of a chain may be fusible: plans are valid, every layer is updated once, and the peak is no
/// higher than that of the same schedule layer by layer.
#[test]
fn fused_plans_of_random_chains_are_valid_and_hold_no_more() {
    let mut random = Random::new(7);
    let mut saved = 0;
    for turn in 0..100 {
        let apart = crate::chains::of_odd_sizes(2 + random.below(40), &mut random);
        let layers = apart.layers();
        let mut fusible = Vec::new();
        let mut start = random.below(3);
        while start + 2 <= layers {
            let end = layers.min(start + 2 + random.below(20));
            fusible.push(Fusible { layers: start..end, most: 2 + random.below(9) });
            start = end + random.below(3);
        }
        let chain = Chain { fusible, ..apart.clone() };
        let mut solver = Solver::new(&apart, PoolLimits::default()).unwrap();
        let budget = solver.least().unwrap() + random.below(9999) as u64;
        let every_n = [0, 1, 2, 3, 1 + random.below(layers)].map(Strategy::EveryN);
        for strategy in every_n.into_iter().chain([Strategy::Budget(budget)]) {
            let fused = plan(&chain, strategy);
            let apart = match strategy {
                Strategy::Budget(bytes) => solver.plan(bytes).unwrap().unwrap(),
                _ => plan(&apart, strategy),
            };
            simulate(&fused).unwrap_or_else(|error| panic!("{turn}, {strategy}: {error} in {chain:?}"));
            let evaluation = fused.prediction.evaluation_live.iter().map(ByCategory::total).max().unwrap();
            assert!(evaluation <= fused.peak_live_bytes(), "{turn}, {strategy}: {chain:?}");
            match strategy {
                // With fewer bytes to hold, the budget may allow another schedule.
                Strategy::Budget(bytes) => {
                    assert!(fused.pool_bytes() <= bytes);
                    assert!(fused.prediction.recomputed_flops <= apart.prediction.recomputed_flops);
                }
                _ => {
                    let peaks = [&fused, &apart].map(Plan::peak_live_bytes);
                    assert!(peaks[0] <= peaks[1], "{turn}, {strategy}: {chain:?}");
                    assert_eq!(fused.prediction.recomputed_flops, apart.prediction.recomputed_flops);
                }
            }
            saved += apart.peak_live_bytes().saturating_sub(fused.peak_live_bytes());
        }
    }
    assert!(saved > 0);
}

#[test]
fn simulator_rejects_fused_layers_that_the_device_cannot_run() {
    let chain = uniform(6, &[(1..6, 3)]);
    let good = plan(&chain, Strategy::EveryN(4));
    simulate(&good).unwrap();
    for (wrong, layers) in [(1..5, 1..4), (0..4, 1..4), (2..2, 1..4)] {
        let mut plan = good.clone();
        for action in &mut plan.step {
            if let Action::Forward { layers: run, .. } | Action::Backward { layers: run, .. } = action
                && run.range() == layers
            {
                *run = Layers::from(wrong.clone());
            }
        }
        assert!(plan != good && simulate(&plan).is_err(), "{wrong:?}");
    }
    let alone = Plan { chain: Chain { fusible: Vec::new(), ..good.chain.clone() }, ..good };
    assert!(simulate(&alone).is_err());
}
