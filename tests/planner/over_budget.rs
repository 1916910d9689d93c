//! Advice for budgets that are too small, and sizes of batches that are chosen for budgets.

use ckpt_gpu::Error;
use ckpt_gpu::config::{Batching, Settings, divisors, halvings};
use ckpt_gpu::data::DatasetShape;
use ckpt_gpu::device::{DatasetPlacement, DeviceLimits};
use ckpt_gpu::model::{Optimizer, UpdateRule};
use ckpt_gpu::strategy::Strategy;
use ckpt_gpu::train::{RunPlanner, Target};

use crate::common::changed;

const GIB: u64 = 1 << 30;

fn settings(layers: &str, batch: usize, optimizer: Optimizer, budget: u64) -> Settings {
    changed(Settings::default(), |s| {
        s.network.layers = layers.parse().unwrap();
        s.optimization.rule = UpdateRule::of(optimizer);
        s.batching.batch = batch;
        s.placement.strategy = Strategy::Budget(budget);
        s.placement.dataset = DatasetPlacement::Host;
    })
}

fn planner(target: Target, settings: &Settings) -> RunPlanner {
    RunPlanner::new(target, DatasetShape::empty(settings.network.layers.0[0]))
}

/// A card of 8 GiB.
fn card() -> Target {
    Target::Gpu(DeviceLimits::with_buffers_of(8 * GIB))
}

/// The remedies for `settings`, each of which must work.
#[track_caller]
fn remedies(target: Target, settings: &Settings) -> Vec<String> {
    let planner = planner(target, settings);
    let error = planner.plan(settings).unwrap_err();
    let Error::OverBudget { advice, .. } = error else { panic!("{error}") };
    let (_, use_) = advice.split_once("; use ").unwrap();
    let remedies: Vec<String> = use_.split(", or ").map(str::to_owned).collect();
    for remedy in remedies.iter().filter(|remedy| *remedy != "narrower or fewer layers") {
        let mut changed = settings.clone();
        for (index, part) in remedy.split('`').enumerate().filter(|(index, _)| index % 2 == 1) {
            match part.split_once(" = ") {
                Some(("batch", batch)) => changed.batching.batch = batch.parse().unwrap(),
                Some(("micro_batch", size)) => changed.batching.micro_batch = Some(size.parse().unwrap()),
                Some(("optimizer", name)) => changed.optimization.rule.optimizer = name.parse().unwrap(),
                None if part == "ema" => changed.optimization.rule.ema = None,
                None if part == "clip_norm" => changed.optimization.rule.clip_norm = None,
                _ => panic!("{index} of {remedy}"),
            }
        }
        planner.plan(&changed).unwrap_or_else(|error| panic!("{remedy}: {error}"));
    }
    remedies
}

#[test]
fn remedies_work_where_they_are_named() {
    let wide = |optimizer| settings("784,4096x48,10", 65_536, optimizer, 8 * GIB);
    // Adam's state alone takes more than the card has, whatever the batch.
    assert_eq!(remedies(card(), &wide(Optimizer::Adam)), ["`optimizer = sgd`"]);
    let tight = changed(wide(Optimizer::Adam), |s| s.placement.strategy = Strategy::Budget(5 * GIB));
    let found = remedies(card(), &tight);
    assert!(found.iter().all(|remedy| remedy.starts_with("`optimizer = sgd")), "{found:?}");

    let small = |budget| settings("8,16x20,3", 64, Optimizer::Adam, budget);
    let least = |settings: &Settings| match planner(Target::Cpu, settings).plan(settings).unwrap_err() {
        Error::OverBudget { least, .. } => least,
        error => panic!("{error}"),
    };
    let whole = least(&small(1));
    let slightly = remedies(Target::Cpu, &small(whole - 1));
    assert!(slightly.contains(&"`optimizer = sgd`".to_owned()), "{slightly:?}");
    let batches: Vec<_> = slightly.iter().filter(|remedy| remedy.starts_with("`batch = ")).collect();
    assert_eq!(batches, ["`batch = 56`"], "{slightly:?}");
    // Where no one setting suffices, two may.
    let sgd = changed(small(1), |s| {
        s.optimization.rule = UpdateRule::of(Optimizer::Sgd);
        s.batching.batch = 1;
    });
    let pairs = remedies(Target::Cpu, &small(least(&sgd)));
    assert_eq!(pairs, ["`optimizer = sgd` with `batch = 1`"]);
    assert_eq!(remedies(Target::Cpu, &small(1)), ["narrower or fewer layers"]);
    // What stores more is named, too.
    let kept = changed(small(1), |s| {
        s.optimization.rule = UpdateRule { clip_norm: Some(1.0), ema: Some(0.9), ..s.optimization.rule };
        s.batching.micro_batch = Some(s.batching.batch);
    });
    let kept = changed(kept.clone(), |s| s.placement.strategy = Strategy::Budget(least(&kept) - 1));
    let found = remedies(Target::Cpu, &kept);
    assert!(
        found.contains(&"no `ema`".to_owned()) && found.contains(&"no `clip_norm`".to_owned()),
        "{found:?}"
    );
}

/// The one that is expected to be fastest, of halves of halves and of the largest that stores all.
#[test]
fn micro_batches_of_any_size_are_chosen_by_time() {
    for (layers, batch) in [("20,64x12,10", 360), ("20,8x12,64x4,10", 97)] {
        let all = settings(layers, batch, Optimizer::Sgd, u64::MAX);
        let planner = planner(Target::Cpu, &all);
        let most = planner.plan(&all).unwrap().bytes().total();
        for share in [2, 3] {
            let settings = changed(all.clone(), |s| s.placement.strategy = Strategy::Budget(most / share));
            let chosen = planner.plan_divided(&settings).unwrap();
            let time = |size: usize| {
                let batching = Batching { micro_batch: Some(size), ..settings.batching };
                let settings = Settings { batching, ..settings.clone() };
                let planned = planner.plan_if_it_fits(&settings).unwrap();
                planned.map(|planned| {
                    let prediction = planned.plan.prediction;
                    (
                        planner.expected_time(&settings, size, prediction.recomputed_share()).unwrap(),
                        prediction.recomputed_layers,
                    )
                })
            };
            let (best, _) = time(chosen.micro_batch).unwrap();
            let times = halvings(batch, |_| true).filter_map(|size| Some(time(size)?.0));
            assert!(times.fold(f64::INFINITY, f64::min) >= best, "{layers} {batch} {share}");
            let stored = divisors(batch)
                .filter(|&size| time(size).is_some_and(|(_, recomputed)| recomputed == 0))
                .max();
            let stored = stored.map_or(f64::INFINITY, |size| time(size).unwrap().0);
            assert!(best <= stored, "{layers} {batch} {share}");
        }
    }
}

/// A batch in one piece that fills a card of 8 GiB, and that of an optimizer that leaves it less room.
#[test]
fn largest_batches_store_all_states() {
    let batch = |optimizer, budget| {
        let settings = settings("784,4096x48,10", 1, optimizer, budget);
        planner(card(), &settings).largest_batch(&settings)
    };
    let [sgd, momentum] =
        [Optimizer::Sgd, Optimizer::Momentum].map(|optimizer| batch(optimizer, 8 * GIB).unwrap());
    assert!(sgd.stores_all && momentum.stores_all);
    assert!(sgd.batch.is_multiple_of(256) && momentum.batch.is_multiple_of(256));
    assert!(sgd.batch > momentum.batch, "{sgd:?} {momentum:?}");
    let next = settings("784,4096x48,10", sgd.batch + 256, Optimizer::Sgd, 8 * GIB);
    let next = changed(next, |s| s.batching.micro_batch = Some(s.batching.batch));
    assert!(planner(card(), &next).plan(&next).unwrap().plan.prediction.recomputed_layers > 0);
    assert!(matches!(batch(Optimizer::Adam, 8 * GIB), Err(Error::OverBudget { .. })));
}
