//! Plans where several layers run as one action: simulated, and compared with the same schedules layer by
//! layer.

use crate::common::Random;
use ckpt_gpu::memory::{ByCategory, Category};
use ckpt_gpu::plan::{Action, Chain, Layers, Op, Plan, PoolLimits, Run};
use ckpt_gpu::simulate::simulate;
use ckpt_gpu::strategy::Strategy;
use ckpt_gpu::strategy::budget::Solver;

fn plan(chain: &Chain, strategy: Strategy) -> Plan {
    strategy.plan(chain, PoolLimits::default(), 0).unwrap()
}

fn uniform(layers: usize, fusible: std::ops::Range<usize>) -> Chain {
    Chain { fusible: vec![fusible], ..Chain::uniform(layers, 100, 1) }
}

fn words(actions: &[Action]) -> Vec<String> {
    let without_slots = |action: &Action| action.to_string().split(':').next().unwrap().to_owned();
    actions.iter().filter(|action| !action.is_release()).map(without_slots).collect()
}

#[test]
fn intervals_become_one_action_in_each_direction() {
    // Layer 0 runs alone, as wide input layers do.
    let chain = uniform(9, 1..9);
    let plan = plan(&chain, Strategy::EveryN(3));
    simulate(&plan).unwrap();
    assert_eq!(
        words(&plan.step),
        [
            "forward layer 0",
            "forward layers 1-8",
            "loss",
            "backward layers 6-8",
            "recompute layers 3-4",
            "backward layers 3-5",
            "recompute layer 0",
            "recompute layer 1",
            "backward layers 1-2",
            "backward layer 0",
        ]
    );
    assert_eq!(words(&plan.evaluation), ["forward layer 0", "forward layers 1-8", "score"]);
    assert_eq!((plan.prediction.recomputed_layers, plan.prediction.recomputed_flops), (4, 4));
    // States 3 and 6 to 8, and in the chunk of three layers four deltas, of which the highest is that of the loss.
    assert_eq!(plan.peak_live_bytes(), 800);
}

#[test]
fn store_all_is_one_action() {
    // The loss counts as a layer.
    let chain = uniform(7, 0..8);
    let fused = plan(&chain, Strategy::StoreAll);
    assert_eq!(words(&fused.step), ["forward-backward layers 0-6"]);
    assert_eq!(words(&fused.evaluation), ["forward layers 0-6", "score"]);
    // All states and all deltas, where layer by layer two deltas would do.
    assert_eq!(fused.peak_live_bytes(), 1400);
    // By itself, the backward pass does without the output.
    for apart in [plan(&chain, Strategy::Budget(1300)), plan(&uniform(7, 0..7), Strategy::StoreAll)] {
        assert_eq!(words(&apart.step), ["forward layers 0-6", "loss", "backward layers 0-6"]);
        assert_eq!(apart.peak_live_bytes(), 1300);
    }
    // Only layers that the loss follows run forward and backward at once.
    let below = plan(&uniform(7, 0..5), Strategy::StoreAll);
    let around = ["forward layer 5", "forward layer 6", "loss", "backward layer 6", "backward layer 5"];
    assert_eq!(words(&below.step), [&["forward layers 0-4"], &around[..], &["backward layers 0-4"]].concat());
}

/// The layers below the last interval run forward apart from it.
#[test]
fn the_last_interval_turns_in_one_action() {
    let plan = plan(&uniform(8, 1..9), Strategy::EveryN(3));
    simulate(&plan).unwrap();
    let last = ["forward layer 0", "forward layers 1-5", "forward-backward layers 6-7"];
    let below = ["recompute layers 3-4", "backward layers 3-5", "recompute layer 0", "recompute layer 1"];
    let first = ["backward layers 1-2", "backward layer 0"];
    assert_eq!(words(&plan.step), [&last[..], &below, &first].concat());
    assert_eq!(words(&plan.evaluation), ["forward layer 0", "forward layers 1-7", "score"]);
    assert_eq!(plan.peak_live_bytes(), 700);
}

/// A budget of the bytes that layer by layer would take is met by smaller chunks: the more states are gone, the more deltas
/// there is room for.
#[test]
fn budgets_choose_the_size_of_chunks() {
    let chain = uniform(9, 0..9);
    let chunks = |budget| words(&plan(&chain, Strategy::Budget(budget)).step);
    let apart = ["forward layers 0-8", "loss"];
    assert_eq!(
        chunks(1000),
        [
            &apart[..],
            &["backward layer 8", "backward layers 6-7", "backward layers 2-5", "backward layers 0-1"]
        ]
        .concat()
    );
    assert_eq!(
        chunks(1100),
        [&apart[..], &["backward layers 7-8", "backward layers 3-6", "backward layers 0-2"]].concat()
    );
    assert_eq!(chunks(1700), [&apart[..], &["backward layers 0-8"]].concat());
}

/// Any layers of a chain may be fusible: plans are valid, every layer is updated once, and a budget that suffices layer by
/// layer suffices with no more recomputation.
#[test]
fn fused_plans_of_random_chains_are_valid_and_keep_to_budgets() {
    let mut random = Random::new(7);
    let mut fewer = 0;
    for turn in 0..30 {
        let apart = crate::chains::of_odd_sizes(2 + random.below(40), &mut random);
        let layers = apart.layers();
        let mut fusible = Vec::new();
        let mut start = random.below(3);
        while start + 2 <= layers {
            let end = layers.min(start + 2 + random.below(20));
            fusible.push(start..end);
            start = end + random.below(3);
        }
        let chain = Chain { fusible, ..apart.clone() };
        let [mut solver, mut fused_solver] =
            [&apart, &chain].map(|chain| Solver::new(chain, PoolLimits::default()).unwrap());
        let budget = solver.least().unwrap() + random.below(9999) as u64;
        let every_n = [0, 1, 2, 3, 1 + random.below(layers)].map(Strategy::EveryN);
        for strategy in every_n.into_iter().chain([Strategy::Budget(budget)]) {
            let [fused, apart] = match strategy {
                Strategy::Budget(bytes) => {
                    [&mut fused_solver, &mut solver].map(|solver| solver.plan(bytes).unwrap().unwrap())
                }
                _ => [&chain, &apart].map(|chain| plan(chain, strategy)),
            };
            simulate(&fused).unwrap_or_else(|error| panic!("{turn}, {strategy}: {error} in {chain:?}"));
            let evaluation = fused.prediction.evaluation_live.iter().map(ByCategory::total).max().unwrap();
            assert!(evaluation <= fused.peak_live_bytes(), "{turn}, {strategy}: {chain:?}");
            if let Strategy::Budget(bytes) = strategy {
                assert!(fused.bytes() <= bytes);
                assert!(fused.prediction.recomputed_flops <= apart.prediction.recomputed_flops);
            } else {
                let deltas: u64 = chain.delta_bytes.iter().sum();
                assert!(fused.peak_live_bytes() <= apart.peak_live_bytes() + deltas, "{turn}, {strategy}");
                assert_eq!(fused.prediction.recomputed_flops, apart.prediction.recomputed_flops);
                let same = fused_solver.plan(apart.bytes()).unwrap().unwrap();
                let recomputed = same.prediction.recomputed_flops;
                assert!(recomputed <= apart.prediction.recomputed_flops, "{turn}, {strategy}: {chain:?}");
            }
            fewer += apart.step.len().saturating_sub(fused.step.len());
        }
    }
    assert!(fewer > 0);
}

#[test]
fn simulator_rejects_fused_layers_that_the_device_cannot_run() {
    let good = plan(&uniform(6, 1..6), Strategy::EveryN(4));
    simulate(&good).unwrap();
    for (wrong, layers) in [(1..5, 1..6), (0..6, 1..6), (2..2, 1..6)] {
        let mut plan = good.clone();
        for action in &mut plan.step {
            if let Action::Run(run) = action
                && let Op::Forward(run) = &mut run.op
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

#[test]
fn simulator_rejects_a_forward_and_backward_pass_of_other_layers() {
    let good = plan(&uniform(6, 1..7), Strategy::StoreAll);
    simulate(&good).unwrap();
    let without_loss = Plan { chain: uniform(6, 1..6), ..good.clone() };
    assert!(simulate(&without_loss).is_err());
    let is_joined = |run: &Run| run.op == Op::ForwardBackward((1..6).into());
    assert_eq!(good.runs().filter(|run| is_joined(run)).count(), 1);
    // The state before them is a checkpoint, like all others.
    assert!(good.prediction.step_live.iter().all(|live| live[Category::Recomputed] == 0));
    assert!(good.runs().any(|run| run.op == Op::forward(0) && run.keeps()));
    let changed = |change: &dyn Fn(&mut Run)| {
        let mut plan = good.clone();
        for action in &mut plan.step {
            if let Action::Run(run) = action
                && is_joined(run)
            {
                change(run);
            }
        }
        plan
    };
    assert!(simulate(&changed(&|run| run.op = Op::ForwardBackward((2..6).into()))).is_err());
    assert!(simulate(&changed(&|run| run.op = Op::ForwardBackward((1..5).into()))).is_err());
    assert!(simulate(&changed(&|run| run.op = Op::Backward((1..6).into()))).is_err());
    assert!(simulate(&changed(&|run| run.op = Op::Forward((1..6).into()))).is_err());
    let shorter = changed(&|run| {
        run.writes.pop();
        run.categories.pop();
    });
    assert!(simulate(&shorter).is_err());
}
