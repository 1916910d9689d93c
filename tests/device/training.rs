//! Every n gives bit-identical parameters on the same device, within the planned bytes.

use std::sync::Arc;

use crate::common::{Random, changed, mnist};
use crate::devices;
use ckpt_gpu::config::{DeviceChoice, Settings, Widths};
use ckpt_gpu::data::{Dataset, EvaluatedOn, Inputs, Split};
use ckpt_gpu::device::DatasetPlacement;
use ckpt_gpu::memory::Category;
use ckpt_gpu::model::{Activation, LayerParameters, Loss, Normalisation, Parameters};
use ckpt_gpu::strategy::Strategy;
use ckpt_gpu::train::Epoch;
use ckpt_gpu::{Error, Setting};

/// Trains and evaluates, checks every promise about memory, and returns what must not depend on the strategy.
fn train(settings: &Settings, data: &Arc<Dataset>, parameters: &Parameters) -> (String, Vec<Epoch>) {
    let mut trainer = devices::trainer(settings, data, parameters).unwrap();
    let mut epochs = Vec::new();
    while !trainer.is_done() {
        epochs.push(trainer.epoch(|_| ()).unwrap());
    }
    let memory = trainer.memory();
    assert_eq!(memory.planned, memory.counted, "{settings:?}");
    let accumulates = settings.batching.micro_batch() < settings.batching.batch;
    let gradients = if accumulates { memory.counted[Category::Parameters] } else { 0 };
    // Slices on the CPU have gradients of their own, too, and so have parts of a batch on a GPU.
    if settings.batching.micro_batch() > 256 || settings.placement.device == DeviceChoice::Cpu {
        assert!(memory.counted[Category::Gradients] >= gradients, "{settings:?}");
    } else {
        assert_eq!(memory.counted[Category::Gradients], gradients, "{settings:?}");
    }
    assert_eq!(memory.planned_intervals, memory.counted_intervals, "{settings:?}");
    assert_eq!(memory.allocations_after_first_step, 0, "{settings:?}");
    assert_eq!(memory.objects_after_first_step, 0, "{settings:?}");
    (trainer.parameters().unwrap().sha256(), epochs)
}

fn all_n_agree(settings: &Settings, data: &Arc<Dataset>, parameters: &Parameters) {
    let with = |n| changed(settings.clone(), |s| s.placement.strategy = Strategy::EveryN(n));
    let expected = train(&with(0), data, parameters);
    for n in 1..settings.network.layers.0.len() + 1 {
        assert_eq!(train(&with(n), data, parameters), expected, "every {n}: {settings:?}");
    }
}

fn notebook_networks_agree(device: DeviceChoice) {
    let data = Arc::new(few_digits());
    for (layers, batch) in [
        ("784,100,10", 100),
        ("784,30x4,10", 100),
        ("784,30x6,10", 100),
        ("784,37,23,41,10", 33),
        ("784,30x50,10", 100),
    ] {
        let layers: Widths = layers.parse().unwrap();
        let settings = changed(Settings::notebook(), |s| {
            s.network.layers = layers;
            s.batching.batch = batch;
            s.optimization.steps = Some(3);
            s.placement.device = device;
        });
        let parameters = Parameters::normal(&settings.network.build().unwrap(), 4);
        all_n_agree(&settings, &data, &parameters);
    }
}

fn random_chains_agree(device: DeviceChoice, dataset: DatasetPlacement, chains: usize) {
    let mut random = Random::new(9 + chains as u64);
    for _ in 0..chains {
        let layers = 1 + random.below(6);
        let widths: Vec<usize> = (0..=layers).map(|_| 1 + random.below(40)).collect();
        let batch = 1 + random.below(30);
        let settings = changed(Settings::notebook(), |s| {
            s.network.activation = Activation::ALL[random.below(Activation::ALL.len())];
            s.network.loss = Loss::ALL[random.below(Loss::ALL.len())];
            s.optimization.lr = 0.01;
            s.batching.batch = batch;
            s.optimization.epochs = 1;
            s.optimization.seed = random.below(1000) as u64;
            s.optimization.shuffle = random.below(2) == 0;
            s.placement.device = device;
            s.placement.dataset = dataset;
            s.network.layers = Widths(widths);
        });
        let data = Arc::new(random_data(&settings, &mut random));
        let parameters = random.parameters(&settings.network.build().unwrap());
        all_n_agree(&settings, &data, &parameters);
    }
}

/// Every n and a budget give the same bits, in whole batches and in micro-batches, for layers wider than a workgroup's lanes.
fn normalisation_agrees(device: DeviceChoice, activations: &[Activation]) {
    let mut random = Random::new(77);
    let machine = devices::machine(device);
    for (turn, &activation) in activations.iter().enumerate() {
        let settings = changed(Settings::notebook(), |s| {
            s.network.layers = Widths(vec![9, 20, 20, 20, 37, 37, 3]);
            s.network.activation = activation;
            s.network.residual = turn % 2 == 0;
            s.network.normalisation = Some(Normalisation::ALL[turn % 4]);
            s.optimization.lr = 0.005;
            s.batching.batch = 22;
            s.batching.micro_batch = (turn % 3 == 1).then_some(11);
            s.optimization.epochs = 2;
            s.placement.device = device;
        });
        let data = Arc::new(random_data(&settings, &mut random));
        let parameters = random.parameters(&settings.network.build().unwrap());
        let expected = train(&settings, &data, &parameters);
        for n in [1, 4] {
            let every = changed(settings.clone(), |s| s.placement.strategy = Strategy::EveryN(n));
            assert_eq!(train(&every, &data, &parameters), expected, "{every:?}");
        }
        let bytes = |settings: &Settings| machine.plan(settings, data.shape()).unwrap().bytes().total();
        let budget = bytes(&settings) - 2 * 4 * 20 * settings.batching.micro_batch() as u64;
        let budgeted = changed(settings, |s| s.placement.strategy = Strategy::Budget(budget));
        assert!(bytes(&budgeted) <= budget);
        assert_eq!(train(&budgeted, &data, &parameters), expected, "{budgeted:?}");
        let plain = changed(budgeted, |s| {
            s.network.normalisation = None;
            s.placement.strategy = Strategy::EveryN(0);
        });
        let layers = parameters.layers.iter().map(|layer| LayerParameters {
            gain: Vec::new(),
            shift: Vec::new(),
            ..layer.clone()
        });
        let parameters = Parameters { layers: layers.collect() };
        assert_ne!(train(&plain, &data, &parameters).1, expected.1, "{activation:?}");
    }
}

#[test]
fn normalisation_is_equal_bits() {
    normalisation_agrees(DeviceChoice::Cpu, &Activation::ALL);
}

#[test]
fn software_normalisation_is_equal_bits() {
    normalisation_agrees(DeviceChoice::Software, &[Activation::Relu, Activation::Gelu]);
}

/// For one size of micro-batch, every n gives the same bits; losses of micro-batches and whole batches agree.
fn random_micro_batches_agree(device: DeviceChoice, dataset: DatasetPlacement, chains: usize) {
    let mut random = Random::new(40 + chains as u64);
    for _ in 0..chains {
        let layers = 1 + random.below(4);
        let (micro_batch, parts) = (1 + random.below(8), 2 + random.below(4));
        let settings = changed(Settings::notebook(), |s| {
            s.network.activation = Activation::ALL[random.below(Activation::ALL.len())];
            s.network.loss = Loss::ALL[random.below(Loss::ALL.len())];
            s.optimization.lr = 0.01;
            s.batching.batch = micro_batch * parts;
            s.batching.micro_batch = Some(micro_batch);
            s.optimization.epochs = 2;
            s.optimization.seed = random.below(1000) as u64;
            s.optimization.shuffle = random.below(2) == 0;
            s.placement.device = device;
            s.placement.dataset = dataset;
            s.network.layers = Widths((0..=layers).map(|_| 1 + random.below(40)).collect());
        });
        let data = Arc::new(random_data(&settings, &mut random));
        let parameters = random.parameters(&settings.network.build().unwrap());
        all_n_agree(&settings, &data, &parameters);

        let (_, in_parts) = train(&settings, &data, &parameters);
        let whole = changed(settings.clone(), |s| s.batching.micro_batch = None);
        let (hash, in_one) = train(&whole, &data, &parameters);
        for (found, expected) in in_parts.iter().zip(&in_one) {
            let difference = (found.loss - expected.loss).abs();
            assert!(difference <= 1e-5 * expected.loss, "{settings:?}: {found:?}, as a whole {expected:?}");
        }
        let one_part = changed(settings, |s| s.batching.micro_batch = Some(s.batching.batch));
        assert_eq!(train(&one_part, &data, &parameters), (hash, in_one), "{one_part:?}");
    }
}

fn random_data(settings: &Settings, random: &mut Random) -> Dataset {
    let (features, classes) =
        (settings.network.layers.0[0], settings.network.layers.0[settings.network.layers.0.len() - 1]);
    let mut split = |samples: usize| {
        let values = (0..samples * features).map(|_| random.normal()).collect();
        let labels = (0..samples).map(|_| random.below(classes) as u32).collect::<Vec<_>>();
        Split::new(features, Inputs::F32(values), labels).unwrap()
    };
    let samples = 2 * settings.batching.batch + 1;
    Dataset {
        source: "random".into(),
        train: split(samples),
        test: split(samples),
        evaluated_on: EvaluatedOn::Test,
    }
}

fn few_digits() -> Dataset {
    let few = |split: &Split, samples: usize| {
        let Inputs::U8(values) = split.inputs() else { panic!("MNIST comes in bytes") };
        let values = values[..samples * split.features()].to_vec();
        Split::new(split.features(), Inputs::U8(values), split.labels()[..samples].to_vec()).unwrap()
    };
    Dataset {
        source: "few digits".into(),
        train: few(&mnist().train, 450),
        test: few(&mnist().test, 150),
        evaluated_on: EvaluatedOn::Test,
    }
}

/// A resident dataset and one uploaded per micro-batch give the same bits.
#[test]
fn software_trains_alike_from_device_and_host() {
    let data = Arc::new(few_digits());
    for micro_batch in [None, Some(20)] {
        let settings = changed(Settings::notebook(), |s| {
            s.batching.micro_batch = micro_batch;
            s.placement.device = DeviceChoice::Software;
            s.placement.dataset = DatasetPlacement::Device;
            s.optimization.epochs = 2;
        });
        let parameters = Parameters::normal(&settings.network.build().unwrap(), 0);
        let from_device = train(&settings, &data, &parameters);
        let from_host =
            train(&changed(settings, |s| s.placement.dataset = DatasetPlacement::Host), &data, &parameters);
        assert_eq!(from_device, from_host);
    }
}

/// An epoch of 450 samples in batches of 100 uses 400, although the other 50 are two micro-batches.
#[test]
fn an_incomplete_batch_is_dropped_with_all_its_micro_batches() {
    let digits = few_digits();
    let Inputs::U8(values) = digits.train.inputs() else { panic!("MNIST comes in bytes") };
    let (values, labels) = (values[..400 * 784].to_vec(), digits.train.labels()[..400].to_vec());
    let full = Split::new(784, Inputs::U8(values), labels).unwrap();
    let full = Dataset {
        source: "whole batches".into(),
        train: full,
        test: digits.test.clone(),
        evaluated_on: EvaluatedOn::Test,
    };
    let settings = changed(Settings::notebook(), |s| {
        s.batching.micro_batch = Some(25);
        s.optimization.shuffle = false;
        s.optimization.epochs = 2;
        s.placement.device = DeviceChoice::Cpu;
    });
    let parameters = Parameters::normal(&settings.network.build().unwrap(), 0);
    let trainer = devices::trainer(&settings, &Arc::new(digits.clone()), &parameters).unwrap();
    assert_eq!((trainer.steps_per_epoch(), trainer.total_steps()), (4, 8));
    let [all, full] = [digits, full].map(|data| train(&settings, &Arc::new(data), &parameters));
    assert_eq!(all, full);
}

/// A quarter of the samples takes a quarter of the bytes.
#[test]
fn activations_shrink_with_the_micro_batch() {
    let data = Arc::new(few_digits());
    let planned = |micro_batch| {
        let layers = "784,30x20,10".parse().unwrap();
        let settings = changed(Settings::notebook(), |s| {
            s.network.layers = layers;
            s.batching.micro_batch = micro_batch;
            s.placement.device = DeviceChoice::Cpu;
        });
        let parameters = Parameters::normal(&settings.network.build().unwrap(), 0);
        *devices::trainer(&settings, &data, &parameters).unwrap().planned()
    };
    let (whole, quarter) = (planned(None), planned(Some(25)));
    for category in [Category::Checkpoints, Category::Recomputed, Category::Deltas, Category::Batch] {
        assert_eq!(4 * quarter[category], whole[category], "{category:?}");
    }
}

/// The tensors take several transfers each way.
#[test]
fn software_returns_parameters_as_they_went() {
    let settings = changed(Settings::notebook(), |s| {
        s.network.layers = Widths(vec![517, 1031, 3]);
        s.batching.batch = 3;
        s.placement.device = DeviceChoice::Software;
    });
    let mut random = Random::new(12);
    let data = Arc::new(random_data(&settings, &mut random));
    let parameters = random.parameters(&settings.network.build().unwrap());
    let returned = devices::trainer(&settings, &data, &parameters).unwrap().parameters().unwrap();
    assert_eq!(returned.sha256(), parameters.sha256());
}

#[test]
fn steps_beyond_the_last_are_refused() {
    let data = Arc::new(few_digits());
    let settings = changed(Settings::notebook(), |s| {
        s.optimization.steps = Some(2);
        s.placement.device = DeviceChoice::Cpu;
    });
    let parameters = Parameters::normal(&settings.network.build().unwrap(), 0);
    let mut trainer = devices::trainer(&settings, &data, &parameters).unwrap();
    trainer.epoch(|_| ()).unwrap();
    assert!(trainer.is_done());
    assert!(matches!(trainer.epoch(|_| ()), Err(Error::Usage { setting: Setting::Steps, .. })));
    assert_eq!(trainer.steps(), 2);
}

#[test]
fn splits_of_other_widths_are_refused() {
    let split = |features| Split::new(features, Inputs::F32(vec![0.5; 6 * features]), vec![0; 6]).unwrap();
    let data = Arc::new(Dataset {
        source: "two widths".into(),
        train: split(4),
        test: split(5),
        evaluated_on: EvaluatedOn::Test,
    });
    let settings = changed(Settings::notebook(), |s| {
        s.network.layers = Widths(vec![4, 2]);
        s.batching.batch = 2;
        s.placement.device = DeviceChoice::Cpu;
    });
    let parameters = Parameters::normal(&settings.network.build().unwrap(), 0);
    let refused = devices::trainer(&settings, &data, &parameters).map(|_| ());
    assert!(matches!(refused, Err(Error::File { .. })), "{refused:?}");
}

#[test]
fn repeated_runs_are_equal_and_seeds_are_not() {
    let data = Arc::new(few_digits());
    let with = |seed| {
        changed(Settings::notebook(), |s| {
            s.optimization.seed = seed;
            s.placement.device = DeviceChoice::Cpu;
            s.optimization.epochs = 2;
        })
    };
    let parameters = Parameters::normal(&with(0).network.build().unwrap(), 0);
    let run = |seed| train(&with(seed), &data, &parameters).0;
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2), "the order of the samples comes from the seed");
}

#[test]
fn cpu_bits_do_not_depend_on_n_for_the_notebooks_networks() {
    notebook_networks_agree(DeviceChoice::Cpu);
}

#[test]
fn software_bits_do_not_depend_on_n_for_the_notebooks_networks() {
    notebook_networks_agree(DeviceChoice::Software);
}

#[test]
fn cpu_bits_do_not_depend_on_n_for_random_chains() {
    random_chains_agree(DeviceChoice::Cpu, DatasetPlacement::Auto, 220);
}

#[test]
fn software_bits_do_not_depend_on_n_for_random_chains() {
    random_chains_agree(DeviceChoice::Software, DatasetPlacement::Device, 17);
}

#[test]
fn software_bits_do_not_depend_on_n_where_batches_come_from_the_host() {
    random_chains_agree(DeviceChoice::Software, DatasetPlacement::Host, 16);
}

/// With uneven widths, values are ranges of blocks larger than all of them.
#[test]
fn cpu_trains_long_uneven_networks() {
    let mut random = Random::new(77);
    let mut lost = 0;
    for _ in 0..4 {
        let layers: Vec<usize> = (0..=150).map(|_| 1 + random.below(40)).collect();
        let settings = changed(Settings::notebook(), |s| {
            s.network.layers = Widths(layers);
            s.batching.batch = 37;
            s.optimization.lr = 0.01;
            s.optimization.steps = Some(1);
            s.placement.device = DeviceChoice::Cpu;
        });
        let data = Arc::new(random_data(&settings, &mut random));
        let parameters = random.parameters(&settings.network.build().unwrap());
        let hashes = [0, 3, 7, 12].map(|n| {
            let settings = changed(settings.clone(), |s| s.placement.strategy = Strategy::EveryN(n));
            let trainer = devices::trainer(&settings, &data, &parameters).unwrap();
            lost += trainer.planned()[Category::Fragmentation];
            train(&settings, &data, &parameters).0
        });
        assert!(hashes.iter().all(|hash| *hash == hashes[0]), "{hashes:?}");
    }
    assert!(lost > 0, "no block was larger than its values");
}

#[test]
fn cpu_bits_do_not_depend_on_n_in_micro_batches() {
    random_micro_batches_agree(DeviceChoice::Cpu, DatasetPlacement::Auto, 60);
}

#[test]
fn software_bits_do_not_depend_on_n_in_micro_batches() {
    random_micro_batches_agree(DeviceChoice::Software, DatasetPlacement::Device, 3);
}

#[test]
fn software_bits_do_not_depend_on_n_in_micro_batches_from_the_host() {
    random_micro_batches_agree(DeviceChoice::Software, DatasetPlacement::Host, 2);
}
