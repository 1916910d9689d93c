//! Training under budgets takes no byte more than allowed, and gives bit-identical parameters.

use std::sync::Arc;

use crate::common::{Random, changed};
use crate::devices;
use ckpt_gpu::Error;
use ckpt_gpu::config::{DeviceChoice, Settings, Widths};
use ckpt_gpu::data::{Dataset, EvaluatedOn, Inputs, Split};
use ckpt_gpu::device::DatasetPlacement;
use ckpt_gpu::gpu::Context;
use ckpt_gpu::memory::Category;
use ckpt_gpu::model::{Activation, Loss, Normalisation, Optimizer, Parameters, UpdateRule};
use ckpt_gpu::strategy::Strategy;
use ckpt_gpu::train::{Machine, Trainer};

/// Trains, checks every promise about memory, and returns the trainer and the hash of its parameters.
fn train(settings: &Settings, data: &Arc<Dataset>, parameters: &Parameters) -> (Trainer, String) {
    let mut trainer = devices::trainer(settings, data, parameters).unwrap();
    trainer.train(trainer.total_steps(), |_| ()).unwrap();
    let memory = trainer.memory();
    assert_eq!(memory.planned, memory.counted, "{settings:?}");
    assert_eq!(memory.planned_intervals, memory.counted_intervals, "{settings:?}");
    assert_eq!(memory.allocations_after_first_step, 0, "{settings:?}");
    assert_eq!(memory.objects_after_first_step, 0, "{settings:?}");
    if let Strategy::Budget(budget) = settings.placement.strategy {
        assert!(memory.counted.total() <= budget, "{} of {budget} bytes", memory.counted.total());
    }
    let trained = trainer.parameters().unwrap();
    assert!(trained.layers[0] != parameters.layers[0], "nothing is learnt in the first layer");
    (trainer, trained.sha256())
}

fn random_data(features: usize, classes: usize, samples: usize, random: &mut Random) -> Arc<Dataset> {
    let mut split = |samples: usize| {
        let values = (0..samples * features).map(|_| random.normal()).collect();
        let labels = (0..samples).map(|_| random.below(classes) as u32).collect::<Vec<_>>();
        Split::new(features, Inputs::F32(values), labels).unwrap()
    };
    Arc::new(Dataset {
        source: "random".into(),
        train: split(samples),
        test: split(3),
        evaluated_on: EvaluatedOn::Test,
    })
}

/// The smallest budget for `settings`, from the error for one that is too small.
fn least_budget(settings: &Settings, data: &Arc<Dataset>, parameters: &Parameters) -> u64 {
    let starved = changed(settings.clone(), |s| s.placement.strategy = Strategy::Budget(1));
    match devices::trainer(&starved, data, parameters).map(|_| ()) {
        Err(Error::OverBudget { budget: 1, least, advice }) => {
            assert!(
                advice.contains("parameters ") && advice.contains("narrower or fewer layers"),
                "{advice}"
            );
            least
        }
        other => panic!("{other:?}"),
    }
}

/// Budgets range from the smallest possible to more than enough.
fn every_budget_keeps_the_bits(device: DeviceChoice, micro_batch: Option<usize>) {
    const BUDGETS: u32 = 10;
    let mut random = Random::new(31);
    let widths: Vec<usize> = [7, 40, 64, 8, 61, 9, 64, 16, 33, 64, 5, 48, 12, 10].to_vec();
    let settings = changed(Settings::notebook(), |s| {
        s.network.layers = Widths(widths);
        s.network.activation = Activation::Tanh;
        s.network.loss = Loss::CrossEntropy;
        s.optimization.lr = 0.1;
        s.batching.batch = 66;
        s.batching.micro_batch = micro_batch;
        s.optimization.steps = Some(3);
        s.placement.device = device;
    });
    let data = random_data(7, 10, 200, &mut random);
    let parameters = random.parameters(&settings.network.build().unwrap());
    let (store_all, expected) = train(&settings, &data, &parameters);
    let (least, most) = (least_budget(&settings, &data, &parameters), store_all.planned().total() + 50_000);
    let mut recomputed = Vec::new();
    for step in 0..BUDGETS {
        let budget = least + (most - least) * u64::from(step) / u64::from(BUDGETS - 1);
        let settings = changed(settings.clone(), |s| s.placement.strategy = Strategy::Budget(budget));
        let (trainer, found) = train(&settings, &data, &parameters);
        assert_eq!(found, expected, "budget {budget}");
        recomputed.push(trainer.plan().prediction.recomputed_flops);
    }
    assert!(recomputed.is_sorted_by(|a, b| a >= b), "{recomputed:?}");
    assert!(recomputed[0] > 0 && recomputed[BUDGETS as usize - 1] == 0, "{recomputed:?}");
    let tight = changed(settings, |s| s.placement.strategy = Strategy::Budget(least - 1));
    assert!(matches!(
        devices::trainer(&tight, &data, &parameters).map(|_| ()),
        Err(Error::OverBudget { .. })
    ));
}

/// Storing everything would take eight times the budget.
fn a_thousand_layers_train_in_an_eighth(device: DeviceChoice) {
    let mut random = Random::new(32);
    let settings = changed(Settings::notebook(), |s| {
        s.network.layers = "32x1000,10".parse().unwrap();
        s.network.activation = Activation::Relu;
        s.network.loss = Loss::CrossEntropy;
        s.optimization.lr = 1e-3;
        s.batching.batch = 1000;
        s.optimization.steps = Some(1);
        s.placement.device = device;
        s.placement.dataset = DatasetPlacement::Host;
    });
    let data = random_data(32, 10, 1000, &mut random);
    let mut parameters = random.parameters(&settings.network.build().unwrap());
    for layer in &mut parameters.layers {
        // Weights near the identity, so that signals neither grow nor vanish through a thousand ReLU layers.
        for (index, weight) in layer.weights.iter_mut().enumerate() {
            *weight = 0.03 * *weight + f32::from(index % 33 == 0);
        }
        for bias in &mut layer.bias {
            *bias *= 0.01;
        }
    }
    // Layer by layer, which takes fewer bytes where chunks hold the deltas of many layers.
    let apart = changed(settings.clone(), |s| s.placement.fused = false);
    let (store_all, expected) = train(&apart, &data, &parameters);
    let needed = store_all.planned().total();
    drop(store_all);
    let settings = changed(settings, |s| s.placement.strategy = Strategy::Budget(needed / 8));
    let (trainer, found) = train(&settings, &data, &parameters);
    assert_eq!(found, expected);
    assert!(8 * trainer.memory().counted.total() <= needed);
    assert!(
        trainer.plan().prediction.recomputed_share() < 1.1,
        "{:?}",
        trainer.plan().prediction.recomputed_layers
    );
}

/// Under a budget, the dataset is resident only if nothing is recomputed for its sake.
#[test]
fn software_keeps_the_dataset_on_the_host_if_memory_is_short() {
    let mut random = Random::new(33);
    let settings = changed(Settings::notebook(), |s| {
        s.network.layers = Widths(vec![50, 20, 30, 4]);
        s.batching.batch = 20;
        s.optimization.steps = Some(2);
        s.placement.device = DeviceChoice::Software;
    });
    let data = random_data(50, 4, 2000, &mut random);
    let parameters = random.parameters(&settings.network.build().unwrap());
    let with = |strategy, dataset| {
        train(
            &changed(settings.clone(), |s| {
                s.placement.strategy = strategy;
                s.placement.dataset = dataset;
            }),
            &data,
            &parameters,
        )
    };
    let (on_device, expected) = with(Strategy::StoreAll, DatasetPlacement::Device);
    let enough = on_device.planned().total();
    for (budget, is_on_device) in [(enough, true), (enough - 1, false)] {
        let (trainer, found) = with(Strategy::Budget(budget), DatasetPlacement::Auto);
        assert_eq!(found, expected);
        assert_eq!(trainer.planned()[Category::Dataset] > 0, is_on_device, "budget {budget}");
        assert_eq!(trainer.plan().prediction.recomputed_layers, 0);
    }
}

/// Micro-batches that a budget chooses give the bits of the whole batch, losses included, and nothing is recomputed.
#[test]
fn software_divides_batches_under_a_budget_and_keeps_the_bits() {
    let mut random = Random::new(34);
    for (normalisation, optimizer, clip_norm) in
        [(None, Optimizer::Adam, Some(0.5)), (Some(Normalisation::Layer), Optimizer::Sgd, None)]
    {
        let settings = changed(Settings::notebook(), |s| {
            s.optimization.rule = UpdateRule { clip_norm, ..UpdateRule::of(optimizer) };
            s.network.layers = Widths(vec![7, 130, 20, 24, 24, 20, 3]);
            s.network.activation = Activation::Tanh;
            s.network.loss = Loss::CrossEntropy;
            s.network.normalisation = normalisation;
            s.optimization.lr = 0.01;
            s.batching.batch = 1536;
            s.optimization.steps = Some(2);
            s.placement.device = DeviceChoice::Software;
            s.placement.dataset = DatasetPlacement::Host;
        });
        let [train, test] = [1600, 700].map(|samples| random_data(7, 3, samples, &mut random).train.clone());
        let data =
            Arc::new(Dataset { source: "random".into(), train, test, evaluated_on: EvaluatedOn::Test });
        let parameters = random.parameters(&settings.network.build().unwrap());
        let run = |strategy| {
            let settings = changed(settings.clone(), |s| s.placement.strategy = strategy);
            let mut trainer = devices::trainer(&settings, &data, &parameters).unwrap();
            let epochs = [trainer.epoch(|_| ()).unwrap(), trainer.epoch(|_| ()).unwrap()];
            let memory = trainer.memory();
            assert_eq!(memory.planned, memory.counted, "{strategy}");
            let weights = trainer.parameters().unwrap().sha256();
            let losses = epochs.map(|epoch| [epoch.loss, epoch.test.loss].map(f32::to_bits));
            (trainer, (weights, losses))
        };
        let (whole, expected) = run(Strategy::StoreAll);
        assert_eq!((whole.micro_batch(), whole.parts()), (1536, 1));
        let pool = whole.planned().pool();
        let mut sizes = Vec::new();
        // Buffers outside the pool shrink with the micro-batch, too: more of them if layers normalise.
        let least = if normalisation.is_some() { 24 } else { 5 };
        for share in [1, 2, least] {
            let budget = whole.planned().total() - pool + pool / share + 30_000;
            let (trainer, found) = run(Strategy::Budget(budget));
            assert_eq!(found, expected, "{share}");
            assert!(trainer.memory().counted.total() <= budget);
            assert_eq!(trainer.plan().prediction.recomputed_layers, 0, "{share}");
            sizes.push(trainer.micro_batch());
        }
        assert_eq!(sizes, [1536, 768, 256]);
    }
}

/// Forward and backward passes in one kernel, with the batch and the pool in one buffer, and a layer 0 that reads the dataset,
/// without a batch in memory, change no bit.
#[test]
fn software_few_dispatches_keep_the_bits() {
    let mut random = Random::new(35);
    let apart = devices::own_software();
    let few = apart.clone().with_few_dispatches();
    // Gather, forward, loss, deltas, gradients and the sum of parts; or gather, all of a sample, gradients and the sum.
    let thin = (vec![7, 20, 24, 24, 3], Strategy::StoreAll, [6, 4]);
    // A wide layer 0 adds its forward pass and its gradients, and needs no gather if it reads the dataset.
    let wide = (vec![131, 20, 24, 24, 3], Strategy::StoreAll, [8, 5]);
    // Layers 3 and 4 turn in one dispatch, without those below.
    let long = (vec![131, 20, 24, 24, 20, 3], Strategy::EveryN(3), [13, 11]);
    // And layer 4 alone.
    let short = (vec![131, 20, 24, 24, 20, 3], Strategy::EveryN(2), [16, 14]);
    // Gains and shifts have gradients of their own.
    let normalised = ([vec![7], vec![12; 18], vec![3]].concat(), Strategy::StoreAll, [7, 5]);
    let plain = [thin, wide, long, short].map(|case| (None, case));
    let normalised = (Some(Normalisation::Layer), normalised);
    for (normalisation, (layers, strategy, dispatches)) in plain.into_iter().chain([normalised]) {
        let features = layers[0];
        let settings = changed(Settings::notebook(), |s| {
            s.network.layers = Widths(layers);
            s.network.normalisation = normalisation;
            s.network.loss = Loss::CrossEntropy;
            s.batching.batch = 300;
            s.optimization.steps = Some(3);
            s.placement.device = DeviceChoice::Software;
            s.placement.strategy = strategy;
        });
        let data = random_data(features, 3, 600, &mut random);
        let parameters = random.parameters(&settings.network.build().unwrap());
        let run = |context: &Context, placement| {
            let settings = changed(settings.clone(), |s| s.placement.dataset = placement);
            let machine = Machine::Gpu(Box::new(context.clone()));
            let mut trainer = Trainer::on(&machine, &settings, &data, &parameters).unwrap();
            let epochs = [trainer.epoch(|_| ()).unwrap(), trainer.epoch(|_| ()).unwrap()];
            let losses = epochs.map(|epoch| [epoch.loss, epoch.test.loss].map(f32::to_bits));
            let memory = trainer.memory();
            assert_eq!(memory.planned, memory.counted);
            assert_eq!(memory.planned_live, memory.counted_live);
            let batch = memory.counted[Category::Batch];
            (trainer.dispatches_a_step().unwrap(), batch, (losses, trainer.parameters().unwrap().sha256()))
        };
        let (many, batch, expected) = run(&apart, DatasetPlacement::Device);
        let (fewer, targets, found) = run(&few, DatasetPlacement::Device);
        assert_eq!([many, fewer], dispatches, "{strategy}");
        assert_eq!(found, expected, "{strategy}");
        assert_eq!(batch - targets, if features > 128 { 4 * 300 * features as u64 } else { 0 });
        let (_, streamed, found) = run(&few, DatasetPlacement::Host);
        assert_eq!(streamed, batch, "{strategy}");
        assert_eq!(found, expected, "{strategy}");
    }
}

/// As docs/design/gpu.md and docs/budgets-and-plans.md have them.
#[test]
fn software_counts_the_documented_dispatches_and_actions() {
    let mut random = Random::new(36);
    let machine = Machine::Gpu(Box::new(devices::own_software().with_few_dispatches()));
    let data = random_data(784, 10, 200, &mut random);
    for (every, expected) in [(0, (4, 3)), (10, (21, 15))] {
        let settings = changed(Settings::default(), |s| {
            s.network.layers = "784,30x50,10".parse().unwrap();
            s.network.residual = false;
            s.optimization.steps = Some(1);
            s.placement.strategy = Strategy::EveryN(every);
        });
        let parameters = random.parameters(&settings.network.build().unwrap());
        let mut trainer = Trainer::on(&machine, &settings, &data, &parameters).unwrap();
        trainer.epoch(|_| ()).unwrap();
        let actions = trainer.plan().step.iter().filter(|action| !action.is_release()).count();
        assert_eq!((trainer.dispatches_a_step().unwrap(), actions), expected, "every {every}");
    }
}

#[test]
fn cpu_bits_do_not_depend_on_the_budget() {
    every_budget_keeps_the_bits(DeviceChoice::Cpu, None);
}

#[test]
fn cpu_bits_do_not_depend_on_the_budget_in_micro_batches() {
    every_budget_keeps_the_bits(DeviceChoice::Cpu, Some(22));
}

#[test]
fn software_bits_do_not_depend_on_the_budget() {
    every_budget_keeps_the_bits(DeviceChoice::Software, None);
}

#[test]
fn cpu_trains_a_thousand_layers_in_an_eighth_of_the_memory() {
    a_thousand_layers_train_in_an_eighth(DeviceChoice::Cpu);
}

#[test]
fn software_trains_a_thousand_layers_in_an_eighth_of_the_memory() {
    a_thousand_layers_train_in_an_eighth(DeviceChoice::Software);
}
