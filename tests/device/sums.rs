//! Sums have one order: under every tiling of products, whether layers run together or not, and in micro-batches.

use std::path::Path;
use std::sync::Arc;

use crate::common::{Random, changed};
use crate::devices::{self, FAST, SHORT};
use ckpt_gpu::Error;
use ckpt_gpu::config::{Settings, Widths};
use ckpt_gpu::data::{Dataset, LoadOptions};
use ckpt_gpu::gpu::{Context, Tile};
use ckpt_gpu::model::{Activation, Loss, Normalisation, Optimizer, Parameters, UpdateRule};
use ckpt_gpu::strategy::Strategy;
use ckpt_gpu::train::{Machine, Trainer, task};

fn blobs(recipe: &str) -> Arc<Dataset> {
    Arc::new(Dataset::load_with(Path::new(recipe), &LoadOptions::default()).unwrap())
}

#[test]
fn software_gives_the_same_bits_in_short_tiles() {
    let context = devices::software();
    let subgroup = context.limits().subgroups.then_some(Tile::Subgroup);
    same_bits(&context, [FAST].into_iter().chain(SHORT).chain(subgroup));
}

#[test]
fn software_gives_the_same_bits_in_all_tiles() {
    let context = devices::software();
    same_bits(&context, context.tiles());
}

fn same_bits(context: &Context, tiles: impl Iterator<Item = Tile>) {
    let data = blobs("synthetic:blobs,features=784,classes=10,samples=450");
    let settings = changed(Settings::notebook(), |s| {
        s.network.layers = Widths(vec![784, 150, 37, 130, 10]);
        s.batching.batch = 70;
        s.optimization.steps = Some(3);
        s.placement.fused = false;
    });
    let parameters = Parameters::normal(&settings.network.build().unwrap(), 4);
    let weights = |tile| {
        let machine = Machine::Gpu(Box::new(context.clone().with_tile(tile)));
        trained(&machine, &settings, &data, &parameters)
    };
    let all: Vec<_> = tiles.map(|tile| (tile, weights(tile))).collect();
    assert!(all.len() > 3 && all.iter().all(|(_, hash)| *hash == all[0].1), "{all:#?}");
}

/// Thin layers between wide ones, with gradients of one part and of several: running them together or one by one, in chunks of
/// any size and in every tile, changes no bit of the weights.
#[test]
fn software_gives_the_same_bits_with_and_without_fusion() {
    let data = blobs("synthetic:blobs,features=150,classes=5,samples=700");
    let context = devices::software();
    let subgroup = context.limits().subgroups.then_some(Tile::Subgroup);
    for (activation, residual, batch) in [(Activation::Tanh, false, 37), (Activation::Gelu, true, 300)] {
        let settings = changed(Settings::default(), |s| {
            s.network.layers = Widths(vec![150, 30, 30, 17, 30, 5]);
            (s.network.activation, s.network.residual) = (activation, residual);
            s.batching.batch = batch;
            s.optimization.steps = Some(2);
        });
        let least = least_budget(&Machine::Gpu(Box::new(context.clone())), &settings, &data);
        let mut runs = vec![];
        for fused in [false, true] {
            runs.push((FAST, changed(settings.clone(), |s| s.placement.fused = fused)));
        }
        for budget in [least, least + 40 * batch as u64, least + 400 * batch as u64] {
            runs.push((FAST, changed(settings.clone(), |s| s.placement.strategy = Strategy::Budget(budget))));
        }
        let tiles = SHORT.into_iter().chain(subgroup);
        runs.extend(tiles.map(|tile| (tile, settings.clone())));
        let parameters = Parameters::normal(&settings.network.build().unwrap(), 4);
        let hashes = runs.into_iter().map(|(tile, settings)| {
            let machine = Machine::Gpu(Box::new(context.clone().with_tile(tile)));
            (tile, settings.placement, trained(&machine, &settings, &data, &parameters))
        });
        let hashes: Vec<_> = hashes.collect();
        assert!(hashes.iter().all(|(.., hash)| *hash == hashes[0].2), "{activation:?}: {hashes:#?}");
    }
}

/// Micro-batches of a multiple of 256 samples go on with the sums where the last one ended: in thin layers, wide ones and
/// those that normalise.
#[test]
fn software_gives_the_bits_of_the_whole_batch_in_micro_batches_of_256() {
    let data = blobs("synthetic:blobs,features=9,classes=5,samples=1300");
    let context = devices::software().with_tile(FAST);
    // In workgroups of fewer samples, on which the sums for gain and shift must not depend.
    let lanes = context.clone().without_subgroups().with_column_lanes(128);
    let [machine, other] = [context, lanes].map(|context| Machine::Gpu(Box::new(context)));
    let [layer, rms] = [Normalisation::Layer, Normalisation::Rms].map(Some);
    for (widths, normalisation) in
        [(vec![9, 140, 20, 17, 5], None), (vec![9, 20, 20, 5], layer), (vec![9, 20, 140, 20, 17, 5], rms)]
    {
        let settings = changed(Settings::default(), |s| {
            s.network.layers = Widths(widths.clone());
            (s.network.activation, s.network.normalisation) = (Activation::Silu, normalisation);
            s.batching.batch = 512;
            s.optimization.steps = Some(2);
        });
        let parameters = Parameters::normal(&settings.network.build().unwrap(), 4);
        let whole = trained(&machine, &settings, &data, &parameters);
        let settings = changed(settings, |s| s.batching.micro_batch = Some(256));
        let machine = if normalisation == layer { &other } else { &machine };
        let found = trained(machine, &settings, &data, &parameters);
        assert_eq!(found, whole, "{widths:?}, {normalisation:?}");
    }
}

/// More layers normalise than there is room for their statistics, so deltas and gradients run in turns: in micro-batches of one
/// part, whose gradients are used at once, and of several.
#[test]
fn software_gives_the_bits_of_single_layers_in_turns() {
    let data = blobs("synthetic:blobs,features=7,classes=3,samples=3600");
    let machine = Machine::Gpu(Box::new(devices::software().with_tile(FAST)));
    // Gather, forward, loss, and deltas and two kinds of gradients in two turns, or in three with the sum of parts.
    for (width, layers, batch, least) in [(128, 36, 200, 9), (12, 18, 2900, 15)] {
        let settings = changed(Settings::default(), |s| {
            s.network.layers = Widths([vec![7], vec![width; layers], vec![3]].concat());
            s.network.normalisation = Some(Normalisation::Layer);
            s.network.residual = true;
            s.batching.batch = batch;
            s.optimization.steps = Some(2);
        });
        let parameters = Parameters::normal(&settings.network.build().unwrap(), 4);
        let mut trainer = Trainer::on(&machine, &settings, &data, &parameters).unwrap();
        trainer.epoch(|_| ()).unwrap();
        assert!(trainer.dispatches_a_step().unwrap() >= least, "{:?}", trainer.dispatches_a_step());
        assert!(trainer.is_done());
        let together = trainer.parameters().unwrap().sha256();
        let one_by_one = changed(settings, |s| s.placement.fused = false);
        assert_eq!(trained(&machine, &one_by_one, &data, &parameters), together, "{batch}");
    }
}

/// Without subgroups, lanes take eight samples of a batch as large as this at a time, and with them four.
#[test]
fn software_gives_the_same_bits_for_many_samples_of_a_lane() {
    let data = blobs("synthetic:blobs,features=7,classes=3,samples=39400");
    let context = devices::software().with_tile(FAST);
    let lanes = context.clone().without_subgroups().with_column_lanes(32);
    let machines = [context, lanes].map(|context| Machine::Gpu(Box::new(context)));
    for normalisation in [None, Some(Normalisation::Layer)] {
        let settings = changed(Settings::default(), |s| {
            s.network.layers = Widths(vec![7, 13, 13, 9, 3]);
            (s.network.activation, s.network.residual) = (Activation::Tanh, true);
            s.network.normalisation = normalisation;
            s.batching.batch = 16_403;
            s.optimization.steps = Some(2);
        });
        let parameters = Parameters::normal(&settings.network.build().unwrap(), 4);
        let [few, many] = machines.each_ref().map(|machine| trained(machine, &settings, &data, &parameters));
        assert_eq!(few, many, "{normalisation:?}");
    }
}

/// Whatever a run keeps, recomputes, fuses or tiles, on sixty random networks.
#[test]
fn software_gives_the_same_bits_for_sixty_random_networks() {
    let mut random = Random::new(60);
    let context = devices::own_software();
    let subgroup = context.limits().subgroups.then_some(Tile::Subgroup);
    let tiles: Vec<_> = SHORT.into_iter().chain(subgroup).collect();
    for turn in 0..60 {
        let any = |random: &mut Random, of: usize| 1 + random.below(of);
        let layers = 2 + random.below(6);
        // Some of them thin, some of one width.
        let most = [300, 40][random.below(2)];
        let hidden = any(&mut random, most);
        let mut widths = vec![any(&mut random, most)];
        let same_width = random.below(3) == 0;
        widths.extend((1..layers).map(|_| if same_width { hidden } else { any(&mut random, most) }));
        widths.push(2 + random.below(9));
        let most_samples = if random.below(4) == 0 { 1000 } else { 100 };
        let batch = any(&mut random, most_samples);
        let settings = changed(Settings::default(), |s| {
            s.network.layers = Widths(widths.clone());
            s.network.activation = Activation::ALL[turn % Activation::ALL.len()];
            s.network.loss = Loss::ALL[turn / 2 % Loss::ALL.len()];
            s.network.residual = random.below(3) == 0;
            let normalises = random.below(5) == 0 && !widths[1..].contains(&1);
            s.network.normalisation = normalises.then(|| Normalisation::ALL[random.below(4)]);
            s.optimization.rule = UpdateRule::of(Optimizer::ALL[turn / 3 % Optimizer::ALL.len()]);
            s.optimization.lr = 1e-3;
            s.batching.batch = batch;
            s.optimization.steps = Some(2);
        });
        let recipe = format!(
            "synthetic:blobs,features={},classes={},samples={}",
            widths[0],
            widths[layers],
            // A sixth is held out.
            2 * batch.max(1024)
        );
        let data = blobs(&recipe);
        let least = least_budget(&Machine::Gpu(Box::new(context.clone())), &settings, &data);
        let with = |change: &dyn Fn(&mut Settings)| changed(settings.clone(), |s| change(s));
        let tiled = |tile| context.clone().with_tile(tile);
        let lanes = tiled(FAST).without_subgroups().with_column_lanes([5, 32, 128][turn % 3]);
        let mut runs = vec![
            (tiled(FAST), settings.clone()),
            (tiled(tiles[turn % tiles.len()]), settings.clone()),
            (lanes.clone().with_few_dispatches(), settings.clone()),
            (lanes, with(&|s| s.placement.strategy = Strategy::EveryN(2))),
            (tiled(FAST), with(&|s| s.placement.fused = false)),
        ];
        let n = any(&mut random, layers);
        runs.push((tiled(FAST), with(&|s| s.placement.strategy = Strategy::EveryN(n))));
        for more in [0, 4 * batch * any(&mut random, most)] {
            let budget = Strategy::Budget(least + more as u64);
            runs.push((tiled(FAST), with(&|s| s.placement.strategy = budget)));
        }
        let parameters = random.parameters(&settings.network.build().unwrap());
        let hash = |(context, settings): (Context, Settings)| {
            trained(&Machine::Gpu(Box::new(context)), &settings, &data, &parameters)
        };
        let hashes: Vec<_> = runs.into_iter().map(hash).collect();
        assert!(hashes.iter().all(|hash| *hash == hashes[0]), "{turn}, {settings:?}: {hashes:#?}");

        let settings = with(&|s| s.batching.batch = 256 * (2 + turn % 3));
        let parts = [256, settings.batching.batch].map(|micro_batch| {
            let settings = changed(settings.clone(), |s| s.batching.micro_batch = Some(micro_batch));
            trained(&Machine::Gpu(Box::new(tiled(FAST))), &settings, &data, &parameters)
        });
        assert_eq!(parts[0], parts[1], "{turn}, in micro-batches: {settings:?}");
    }
}

fn trained(machine: &Machine, settings: &Settings, data: &Arc<Dataset>, parameters: &Parameters) -> String {
    let mut trainer = Trainer::on(machine, settings, data, parameters).unwrap();
    while !trainer.is_done() {
        trainer.epoch(|_| ()).unwrap();
    }
    trainer.parameters().unwrap().sha256()
}

fn least_budget(machine: &Machine, settings: &Settings, data: &Dataset) -> u64 {
    let network = settings.network.build().unwrap();
    let task = task(settings, &network, data.shape());
    match machine.target().plan(Strategy::Budget(1), &task, settings.placement.dataset) {
        Err(Error::OverBudget { least, .. }) => least,
        other => panic!("{other:?}"),
    }
}
