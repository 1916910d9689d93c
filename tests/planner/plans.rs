//! Simulation of plans for random chains, and of broken plans, which the simulator must reject.

use crate::common::Random;
use ckpt_gpu::Error;
use ckpt_gpu::config::Widths;
use ckpt_gpu::memory::Category;
use ckpt_gpu::model::{Activation, Loss, Network};
use ckpt_gpu::plan::{Action, Chain, Op, Plan, PoolLimits, Run, Schedule, interval_memory};
use ckpt_gpu::simulate::simulate;
use ckpt_gpu::strategy::Strategy;

fn every_n(chain: &Chain, n: usize) -> Plan {
    Strategy::EveryN(n).plan(chain, PoolLimits::default(), 0).unwrap()
}

fn random_chain(random: &mut Random, most_layers: usize) -> Chain {
    let layers = 1 + random.below(most_layers);
    let mut bytes = |count: usize| (0..count).map(|_| 4 * (1 + random.below(500) as u64)).collect::<Vec<_>>();
    let state_bytes = bytes(layers + 1);
    Chain {
        delta_bytes: state_bytes[1..].to_vec(),
        state_bytes,
        forward_flops: (0..layers).map(|_| 1 + random.below(1000) as u64).collect(),
        fusible: Vec::new(),
        row_bytes: Vec::new(),
    }
}

#[test]
fn plans_of_random_chains_are_valid() {
    let mut random = Random::new(1);
    for _ in 0..1500 {
        let chain = random_chain(&mut random, 60);
        let layers = chain.layers();
        for n in [0, 1, 2, 3, 1 + random.below(layers + 2), layers, layers + 1] {
            let plan = every_n(&chain, n);
            simulate(&plan).unwrap_or_else(|error| panic!("{chain:?} every {n}: {error}"));
            assert!(plan.peak_live_bytes() <= plan.pool_bytes());
            let pool = plan.pool();
            assert_eq!(pool.pool(), plan.pool_bytes());
            assert_eq!(plan.pool_bytes() - pool[Category::Fragmentation], plan.peak_live_bytes());
            assert!(plan.blocks.iter().all(|block| block.bytes == block.at_peak.total()));
        }
    }
}

#[test]
fn plans_of_a_long_uneven_chain_are_valid() {
    let mut random = Random::new(2);
    let mut chain = random_chain(&mut random, 1);
    while chain.layers() < 900 {
        chain = random_chain(&mut random, 1000);
    }
    for n in [0, 2, 31] {
        simulate(&every_n(&chain, n)).unwrap();
    }
}

#[test]
fn uniform_chains_have_no_fragmentation() {
    for layers in 1..=120 {
        let chain = Chain::uniform(layers, 4096, 10);
        for n in 0..=layers + 1 {
            let plan = every_n(&chain, n);
            assert_eq!(plan.pool_bytes(), plan.peak_live_bytes(), "{layers} layers, every {n}");
        }
    }
}

/// Every interval but the last is recomputed, except for the layer whose output is the next checkpoint.
#[test]
fn every_n_recomputes_all_but_the_checkpoints() {
    for layers in 1..=60 {
        let chain = Chain::uniform(layers, 4, 10);
        for n in 1..=layers + 1 {
            let plan = every_n(&chain, n);
            let intervals = layers.div_ceil(n);
            assert_eq!(plan.intervals.len(), intervals);
            assert_eq!(plan.prediction.recomputed_layers, (intervals - 1) * (n - 1), "{layers} every {n}");
            assert_eq!(plan.prediction.recomputed_flops, 10 * plan.prediction.recomputed_layers as u64);
            assert_eq!(plan.prediction.forward_flops, 10 * layers as u64);
        }
        let keep_all = every_n(&chain, 0);
        assert_eq!(keep_all.prediction.recomputed_layers, 0);
        assert_eq!(keep_all, Strategy::StoreAll.plan(&chain, PoolLimits::default(), 0).unwrap());
        assert_eq!(keep_all.step, every_n(&chain, layers).step, "the last interval is kept");
    }
}

/// Peak bytes of the notebook's classes in f32, without temporaries: all states and two deltas if it keeps
/// everything; else the checkpoints, the states between two of them, and two deltas.
fn notebook_bytes(chain: &Chain, n: usize) -> u64 {
    let layers = chain.layers();
    let width = chain.state_bytes[1];
    if n == 0 {
        return chain.state_bytes[1..].iter().sum::<u64>() + 2 * width;
    }
    let checkpoints: u64 =
        (1..=layers).filter(|state| state % n == 0).map(|state| chain.state_bytes[state]).sum();
    checkpoints + (n as u64 - 1) * width + 2 * width
}

#[test]
fn very_long_network_needs_no_more_than_the_notebook_and_a_third_at_every_ten() {
    let widths: Widths = "784,30x50,10".parse().unwrap();
    let network = Network::new(&widths.0, Activation::Sigmoid, Loss::Quadratic).unwrap();
    let chain = Chain::of(&network, 100).unwrap();
    let bytes = |n| every_n(&chain, n).pool_bytes();
    let categories = |n| {
        let pool = every_n(&chain, n).pool();
        Category::ACTIVATIONS.map(|category| pool[category])
    };
    let recomputed = |n| every_n(&chain, n).prediction.recomputed_layers;
    // The README's table. `tests/device/training.rs` checks that planned bytes are counted bytes.
    const EVERY: [usize; 4] = [0, 2, 4, 10];
    assert_eq!(EVERY.map(bytes), [616_000, 324_000, 192_000, 180_000]);
    assert_eq!(EVERY.map(|n| notebook_bytes(&chain, n)), [628_000, 336_000, 204_000, 192_000]);
    assert_eq!(
        EVERY.map(categories),
        [
            [600_000, 0, 16_000],
            [288_000, 12_000, 24_000],
            [132_000, 36_000, 24_000],
            [48_000, 108_000, 24_000]
        ]
    );
    assert_eq!(EVERY.map(recomputed), [0, 25, 36, 45]);
    assert!(EVERY.iter().all(|&n| bytes(n) <= notebook_bytes(&chain, n)));
    assert!(3 * bytes(10) <= bytes(0));
}

#[test]
fn interval_peaks_include_the_peak_of_the_step() {
    let mut random = Random::new(3);
    for _ in 0..200 {
        let chain = random_chain(&mut random, 40);
        let plan = every_n(&chain, 1 + random.below(9));
        let rows = interval_memory(&plan, &plan.prediction.step_live);
        assert_eq!(rows.len(), plan.intervals.len() + 1);
        assert!(rows[0].is_forward_pass && rows[0].layers == (0..chain.layers()));
        assert!(rows[1..].iter().map(|row| &row.layers).eq(plan.intervals.iter().rev()));
        let peak = rows.iter().map(|row| row.at_peak.total()).max();
        assert_eq!(peak, Some(plan.peak_live_bytes()));
    }
}

#[test]
fn schedule_that_reads_a_missing_value_is_rejected() {
    let chain = Chain::uniform(3, 4, 1);
    let sweep = [Op::forward(0), Op::forward(1), Op::forward(2), Op::Loss, Op::backward(2)];
    let ops: Vec<_> = sweep.into_iter().chain([Op::recompute(0), Op::backward(1), Op::backward(0)]).collect();
    let whole = Schedule { intervals: vec![0..2, 2..3], ops };
    assert_eq!(every_n(&chain, 2), Plan::new(&chain, whole.clone(), PoolLimits::default()).unwrap());
    for missing in sweep {
        let mut schedule = whole.clone();
        schedule.ops.retain(|op| *op != missing);
        let refused = Plan::new(&chain, schedule, PoolLimits::default());
        assert!(matches!(refused, Err(Error::InvalidPlan { .. })), "without {missing:?}");
    }
}

/// Breaks every action of a valid plan in every way.
#[test]
fn simulator_rejects_broken_plans() {
    let chain = Chain {
        state_bytes: vec![8, 16, 4, 12, 8],
        delta_bytes: vec![16, 4, 12, 8],
        forward_flops: vec![1; 4],
        fusible: Vec::new(),
        row_bytes: Vec::new(),
    };
    every_broken_action_is_rejected(&every_n(&chain, 2));
    let fused = Chain { fusible: vec![0..2, 2..4], ..chain };
    every_broken_action_is_rejected(&every_n(&fused, 2));
    every_broken_action_is_rejected(&every_n(&fused, 3));
}

fn every_broken_action_is_rejected(plan: &Plan) {
    simulate(plan).unwrap();
    let mut broken = 0;
    for index in 0..plan.step.len() {
        let mut without = plan.clone();
        without.step.remove(index);
        assert!(simulate(&without).is_err(), "without {}", plan.step[index]);

        let mut twice = plan.clone();
        twice.step.insert(index, plan.step[index].clone());
        assert!(simulate(&twice).is_err(), "{} twice", plan.step[index]);

        for changed in changes(&plan.step[index], plan.slots.len()) {
            let mut wrong = plan.clone();
            let words = format!("{changed:?} for {:?}", plan.step[index]);
            wrong.step[index] = changed;
            assert!(simulate(&wrong).is_err(), "{words}");
            broken += 1;
        }
    }
    assert!(broken > 100);

    for index in 0..plan.evaluation.len() {
        let mut without = plan.clone();
        without.evaluation.remove(index);
        assert!(simulate(&without).is_err(), "evaluation without {}", plan.evaluation[index]);
        let mut twice = plan.clone();
        twice.evaluation.insert(index, plan.evaluation[index].clone());
        assert!(simulate(&twice).is_err(), "evaluation with {} twice", plan.evaluation[index]);
    }
    let mut trains_on_the_test_split = plan.clone();
    trains_on_the_test_split.evaluation = plan.step.clone();
    trains_on_the_test_split.prediction.evaluation_live = plan.prediction.step_live.clone();
    assert!(simulate(&trains_on_the_test_split).is_err());
    let mut never_learns = plan.clone();
    never_learns.step = plan.evaluation.clone();
    never_learns.prediction.step_live = plan.prediction.evaluation_live.clone();
    assert!(simulate(&never_learns).is_err());

    let mut optimist = plan.clone();
    optimist.prediction.step_live[3][Category::Deltas] += 1;
    assert!(simulate(&optimist).is_err());
    let mut small = plan.clone();
    small.slots[1].bytes -= 1;
    assert!(simulate(&small).is_err());
}

/// `action` with one operand in another slot, with one operand less, and with one value in another category.
fn changes(action: &Action, slots: usize) -> Vec<Action> {
    let run = match action {
        Action::Run(run) => run,
        Action::Release { slot: released } => {
            let others = (0..=slots).filter(|slot| slot != released);
            return others.map(|slot| Action::Release { slot }).collect();
        }
    };
    let mut changed: Vec<Run> = Vec::new();
    for place in 0..run.reads.len() {
        for slot in (0..=slots).filter(|&slot| slot != run.reads[place].slot) {
            changed.push(run.clone());
            changed.last_mut().unwrap().reads[place].slot = slot;
        }
        changed.push(run.clone());
        changed.last_mut().unwrap().reads.remove(place);
    }
    for place in 0..run.writes.len() {
        for slot in (0..=slots).filter(|&slot| slot != run.writes[place].slot) {
            changed.push(run.clone());
            changed.last_mut().unwrap().writes[place].slot = slot;
        }
        changed.push(run.clone());
        let without = changed.last_mut().unwrap();
        without.writes.remove(place);
        without.categories.remove(place);
        changed.push(run.clone());
        let category = &mut changed.last_mut().unwrap().categories[place];
        *category =
            if *category == Category::Recomputed { Category::Checkpoints } else { Category::Recomputed };
    }
    changed.into_iter().map(Action::Run).collect()
}

/// The long chain has more values of n than other strategies try.
#[test]
fn every_auto_takes_the_n_with_the_lowest_peak() {
    let mut random = Random::new(5);
    let live = |chain: &Chain, n: usize| every_n(chain, n).peak_live_bytes();
    for _ in 0..60 {
        let chain = random_chain(&mut random, 40);
        let best = Strategy::EveryAuto.plan(&chain, PoolLimits::default(), 0).unwrap().peak_live_bytes();
        let least = (1..=chain.layers()).map(|n| live(&chain, n)).min();
        assert_eq!(Some(best), least, "{chain:?}");
    }

    let widths: Widths = format!("256,{}10", "256x39,8,".repeat(28)).parse().unwrap();
    let network = Network::new(&widths.0, Activation::Sigmoid, Loss::Quadratic).unwrap();
    let chain = Chain::of(&network, 100).unwrap();
    assert_eq!(chain.layers(), 1121);
    assert_eq!(Strategy::EveryAuto.resolved(&chain), Strategy::EveryN(40));
}
