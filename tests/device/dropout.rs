//! Dropout: one mask for the forward pass, recomputation and the backward pass, whatever the plan.

use std::sync::Arc;

use crate::common::{Random, changed};
use crate::devices::{self, FAST};
use ckpt_gpu::check::kernels::{self, Case};
use ckpt_gpu::check::reference::{self, Reference, one_hot, relative_error, threefry2x32};
use ckpt_gpu::check::{Check, Verdict};
use ckpt_gpu::config::{DeviceChoice, Settings, Widths};
use ckpt_gpu::data::{Dataset, EvaluatedOn, Inputs, Split};
use ckpt_gpu::model::{
    Activation, Dropout, DropoutKey, Loss, Normalisation, Optimizer, Parameters, UpdateRule,
};
use ckpt_gpu::strategy::Strategy;
use ckpt_gpu::train::{Machine, Start, Trainer};

const CLASSES: usize = 4;

fn random_settings(random: &mut Random, device: DeviceChoice) -> Settings {
    let layers = 2 + random.below(6);
    let mut widths: Vec<usize> = (0..layers).map(|_| 4 + random.below(38)).collect();
    // Some for residual layers.
    widths.push(widths[layers - 1]);
    widths.push(CLASSES);
    changed(Settings::notebook(), |s| {
        s.network.layers = Widths(widths);
        s.network.activation = Activation::ALL[random.below(Activation::ALL.len())];
        s.network.residual = random.below(2) == 0;
        s.network.normalisation = (random.below(4) == 0).then(|| Normalisation::ALL[random.below(4)]);
        s.network.dropout = [0.1, 0.3, 0.5, 0.8][random.below(4)];
        s.network.loss = Loss::CrossEntropy;
        s.optimization.rule = UpdateRule::of(Optimizer::Adam);
        s.optimization.lr = 0.01;
        s.optimization.seed = random.below(1 << 30) as u64;
        s.optimization.steps = Some(2);
        s.batching.batch = 4 * (1 + random.below(9));
        s.placement.device = device;
    })
}

fn random_data(settings: &Settings, samples: usize, random: &mut Random) -> Arc<Dataset> {
    let features = settings.network.layers.0[0];
    let mut split = || {
        let inputs = (0..samples * features).map(|_| random.normal()).collect();
        let labels: Vec<u32> = (0..samples).map(|_| random.below(CLASSES) as u32).collect();
        Split::new(features, Inputs::F32(inputs), labels).unwrap()
    };
    let (train, test) = (split(), split());
    Arc::new(Dataset { source: "random".into(), train, test, evaluated_on: EvaluatedOn::Test })
}

/// Hash of the parameters, and the bits of both losses.
fn trained(
    machine: &Machine,
    settings: &Settings,
    data: &Arc<Dataset>,
    start: &Parameters,
) -> (String, [u32; 2]) {
    let mut trainer = Trainer::on(machine, settings, data, start).unwrap();
    let epoch = trainer.epoch(|_| ()).unwrap();
    assert!(trainer.memory().agrees(), "{settings:?}");
    let losses = [epoch.loss, epoch.test.loss].map(f32::to_bits);
    (trainer.parameters().unwrap().sha256(), losses)
}

/// Every n, budgets down to the least, verified recomputation and layers one by one give the same bits; micro-batches have the same
/// masks, so their losses agree.
fn strategies_agree(device: DeviceChoice, networks: usize) {
    let mut random = Random::new(21);
    let machine = devices::machine(device);
    for _ in 0..networks {
        let settings = random_settings(&mut random, device);
        let data = random_data(&settings, 2 * settings.batching.batch, &mut random);
        let start = random.parameters(&settings.network.build().unwrap());
        let expected = trained(&machine, &settings, &data, &start);
        let bytes = |settings: &Settings| machine.plan(settings, data.shape()).unwrap().bytes().total();
        let most = bytes(&settings);
        let layers = settings.network.layers.0.len() - 1;
        let least = (0..=layers)
            .map(|n| bytes(&changed(settings.clone(), |s| s.placement.strategy = Strategy::EveryN(n))))
            .min()
            .unwrap();
        let strategies = (1..=layers).map(Strategy::EveryN);
        for strategy in strategies.chain([least, (least + most) / 2].map(Strategy::Budget)) {
            let other = changed(settings.clone(), |s| s.placement.strategy = strategy);
            assert_eq!(trained(&machine, &other, &data, &start), expected, "{other:?}");
        }
        let apart = changed(settings.clone(), |s| {
            s.placement.strategy = Strategy::EveryN(2);
            s.placement.fused = false;
            s.diagnostics.verify_recompute = true;
        });
        assert_eq!(trained(&machine, &apart, &data, &start), expected, "{apart:?}");

        let first_loss = |parts: usize| {
            let settings = changed(settings.clone(), |s| {
                s.batching.micro_batch = Some(s.batching.batch / parts);
                s.optimization.steps = Some(1);
            });
            Trainer::on(&machine, &settings, &data, &start).unwrap().train(1, |_| ()).unwrap()
        };
        let (whole, parts) = (first_loss(1), first_loss(4));
        assert!((whole - parts).abs() <= 1e-5 * whole.abs(), "{whole} and {parts}: {settings:?}");
        let plain = changed(settings, |s| s.network.dropout = 0.0);
        assert_ne!(trained(&machine, &plain, &data, &start).0, expected.0, "nothing is dropped: {plain:?}");
    }
}

#[test]
fn cpu_masks_are_the_same_in_every_plan_of_200_networks() {
    strategies_agree(DeviceChoice::Cpu, 200);
}

#[test]
fn software_masks_are_the_same_in_every_plan() {
    strategies_agree(DeviceChoice::Software, 3);
}

/// In micro-batches of a multiple of the parts in which gradients are summed, all bits are the same.
#[test]
fn software_masks_are_the_same_in_micro_batches() {
    let mut random = Random::new(3);
    for layers in [vec![9, 20, 20, 13, CLASSES], vec![9, 140, 20, CLASSES]] {
        let settings = changed(random_settings(&mut random, DeviceChoice::Software), |s| {
            s.network.layers = Widths(layers);
            s.network.normalisation = None;
            s.batching.batch = 512;
        });
        let machine = devices::machine(DeviceChoice::Software);
        let data = random_data(&settings, 1024, &mut random);
        let start = random.parameters(&settings.network.build().unwrap());
        let expected = trained(&machine, &settings, &data, &start);
        let parts = changed(settings, |s| {
            s.batching.micro_batch = Some(256);
            s.placement.strategy = Strategy::EveryN(2);
        });
        assert_eq!(trained(&machine, &parts, &data, &start), expected, "{parts:?}");
    }
}

/// One step of SGD gives the gradient, which is compared with the reference's under the same masks.
fn gradients_agree(device: DeviceChoice, networks: usize) {
    let mut random = Random::new(22);
    let machine = devices::machine(device);
    for _ in 0..networks {
        let settings = changed(random_settings(&mut random, device), |s| {
            // Whether a rectifier's input is above 0 may depend on rounding.
            if matches!(s.network.activation, Activation::Relu | Activation::LeakyRelu) {
                s.network.activation = Activation::Softplus;
            }
            s.optimization.rule = UpdateRule::of(Optimizer::Sgd);
            s.optimization.lr = 1024.0;
            s.optimization.steps = Some(1);
            s.optimization.shuffle = false;
            s.batching.micro_batch = Some(s.batching.batch / [1, 2, 4][random.below(3)]);
            s.placement.strategy = Strategy::EveryN(random.below(3));
        });
        let network = settings.network.build().unwrap();
        let data = random_data(&settings, settings.batching.batch, &mut random);
        let start = random.parameters(&network);
        let mut trainer = Trainer::on(&machine, &settings, &data, &start).unwrap();
        trainer.train(1, |_| ()).unwrap();
        let after = trainer.parameters().unwrap();

        let wide = |values: &[f32]| values.iter().copied().map(f64::from).collect::<Vec<_>>();
        let dropped = network.layers().map(|layer| layer.dropout().map_or(0, Dropout::dropped)).collect();
        let reference = Reference {
            widths: network.widths().to_vec(),
            activation: reference::Activation::named(network.activation().name()).unwrap(),
            residual: network.is_residual(),
            normalisation: network
                .normalisation()
                .map(|normalisation| reference::Normalisation::named(normalisation.name()).unwrap()),
            dropout: Some(reference::Dropout {
                dropped,
                key: DropoutKey::new(settings.optimization.seed, 0).words(),
                first: 0,
            }),
            loss: reference::Loss::CrossEntropy,
            parameters: (start.layers.iter())
                .map(|layer| {
                    let [weights, bias, gain, shift] = layer.tensors().map(|tensor| wide(tensor));
                    reference::Parameters { weights, bias, gain, shift }
                })
                .collect(),
        };
        let Inputs::F32(inputs) = data.train.inputs() else { panic!("inputs are floats") };
        let targets = one_hot(data.train.labels(), CLASSES);
        let gradients = reference.gradients(&wide(inputs), &targets);
        for (layer, (before, after)) in start.layers.iter().zip(&after.layers).enumerate() {
            let moved = |before: &[f32], after: &[f32]| {
                let moved =
                    before.iter().zip(after).map(|(&before, &after)| f64::from(before) - f64::from(after));
                moved.map(|moved| moved / 1024.0).collect::<Vec<_>>()
            };
            let size = |values: &[f64]| values.iter().map(|value| value * value).sum::<f64>().sqrt();
            let tensors = before.tensors().into_iter().zip(after.tensors());
            for ((before, after), expected) in tensors.zip(gradients[layer].tensors()) {
                let found = moved(before, after);
                // Parameters are rounded to f32 after their move.
                let rounding = 1e-9 * (expected.len() as f64).sqrt();
                let error = relative_error(&found, expected) * size(expected);
                assert!(
                    size(expected) == 0.0 || error <= 1e-4 * size(expected) + rounding,
                    "layer {layer}: {error:e} of {:e}: {settings:?}",
                    size(expected)
                );
            }
        }
    }
}

#[test]
fn cpu_gradients_under_dropout_are_the_references() {
    gradients_agree(DeviceChoice::Cpu, 200);
}

#[test]
fn software_gradients_under_dropout_are_the_references() {
    gradients_agree(DeviceChoice::Software, 5);
}

#[test]
fn evaluation_and_a_rate_of_zero_drop_nothing() {
    let mut random = Random::new(5);
    for device in [DeviceChoice::Cpu, DeviceChoice::Software] {
        let dropping = changed(random_settings(&mut random, device), |s| s.network.normalisation = None);
        let plain = changed(dropping.clone(), |s| s.network.dropout = 0.0);
        let data = random_data(&dropping, dropping.batching.batch, &mut random);
        let start = random.parameters(&dropping.network.build().unwrap());
        let [dropping, plain] = [dropping, plain]
            .map(|settings| devices::trainer(&settings, &data, &start).unwrap().evaluate().unwrap());
        assert!((dropping.loss - plain.loss).abs() <= 1e-5 * plain.loss, "{dropping:?}, {plain:?}");
    }
}

#[test]
fn layers_may_drop_at_rates_of_their_own_and_inputs_too() {
    let mut random = Random::new(8);
    for device in [DeviceChoice::Cpu, DeviceChoice::Software] {
        let rate = |rate| Dropout::new(rate).unwrap();
        let settings = changed(random_settings(&mut random, device), |s| {
            s.network.layers = Widths(vec![9, 20, 20, 20, CLASSES]);
        });
        let network = settings.network.build().unwrap().with_dropout(None);
        assert!(!network.has_dropout());
        let network = network.with_dropout_of(0, rate(0.25)).with_dropout_of(2, rate(0.5));
        let rates: Vec<_> = network.layers().map(|layer| layer.dropout().map(Dropout::rate)).collect();
        assert_eq!(rates, [Some(0.25), None, Some(0.5), None]);
    }
}

/// The statistic of a test that two events of these probabilities, counted `[neither, second, first, both]`, are independent and as
/// likely as they should be: chi-squared, of three degrees of freedom.
fn chi_squared(counts: [u64; 4], rate: f64) -> f64 {
    let all = counts.iter().sum::<u64>() as f64;
    let expected = [(1.0 - rate) * (1.0 - rate), (1.0 - rate) * rate, rate * (1.0 - rate), rate * rate];
    counts
        .iter()
        .zip(expected)
        .map(|(&found, share)| (found as f64 - share * all).powi(2) / (share * all))
        .sum()
}

/// Values of chi-squared that one of a thousand samples exceeds.
const MOST_OF_3: f64 = 16.27;
const MOST_OF_255: f64 = 330.5;

#[test]
fn masks_are_dropped_at_their_rate_and_independent() {
    for rate in [0.1_f32, 0.5, 0.9] {
        let dropout = Dropout::new(rate).unwrap().unwrap();
        let is_dropped = |step: u64, layer: u32, sample: u32, unit: u32| {
            let key = DropoutKey::new(42, step).of_layer(layer);
            usize::from(dropout.factors(key, sample, unit / 4)[unit as usize % 4] == 0.0)
        };
        // Neighbours in each direction, and far apart.
        for (what, [step, layer, sample, unit]) in [
            ("steps", [1, 0, 0, 0]),
            ("layers", [0, 1, 0, 0]),
            ("layers", [0, 2, 0, 0]),
            ("samples", [0, 0, 1, 0]),
            ("samples", [0, 0, 256, 0]),
            ("units", [0, 0, 0, 1]),
            ("units", [0, 0, 0, 2]),
            ("units", [0, 0, 0, 4]),
            ("a step and a layer", [1, 1, 0, 0]),
            ("a layer and a unit", [0, 1, 0, 4]),
        ] {
            let mut counts = [0; 4];
            for place in 0..40_000_u32 {
                let at = [place % 10, 1 + 4 * (place / 10 % 10), 2 * (place / 100 % 20), 8 * (place / 2000)];
                let first = is_dropped(at[0].into(), at[1], at[2], at[3]);
                let second = is_dropped(u64::from(at[0] + step), at[1] + layer, at[2] + sample, at[3] + unit);
                counts[2 * first + second] += 1;
            }
            let found = chi_squared(counts, dropout.rate());
            assert!(found < MOST_OF_3, "{what} at {rate}: {found}, {counts:?}");
        }
    }
}

#[test]
fn random_words_are_uniform_and_those_that_the_generators_authors_publish() {
    // kat_vectors of Random123.
    for (counter, key, of_13, of_20) in [
        ([0, 0], [0, 0], [0x9d1c_5ec6, 0x8bd5_0731], [0x6b20_0159, 0x99ba_4efe]),
        ([u32::MAX; 2], [u32::MAX; 2], [0xfd36_d048, 0x2d17_272c], [0x1cb9_96fc, 0xbb00_2be7]),
        (
            [0x243f_6a88, 0x85a3_08d3],
            [0x1319_8a2e, 0x0370_7344],
            [0xba3e_4725, 0xf27d_669e],
            [0xc492_3a9c, 0x483d_f7a0],
        ),
    ] {
        assert_eq!(threefry2x32(13, key, counter), of_13);
        assert_eq!(threefry2x32(20, key, counter), of_20);
    }
    for shift in [0, 8, 16, 24] {
        let mut counts = [0_u64; 256];
        for place in 0..100_000 {
            for word in threefry2x32(13, [7, 0], [place % 500, place / 500]) {
                counts[(word >> shift & 0xff) as usize] += 1;
            }
        }
        let expected = 200_000.0 / 256.0;
        let found: f64 = counts.iter().map(|&count| (count as f64 - expected).powi(2) / expected).sum();
        assert!(found < MOST_OF_255, "byte at {shift}: {found}");
    }
}

/// A run that is stopped and resumed, in the middle of an epoch, has the masks of one that was never stopped.
#[test]
fn resumed_runs_drop_the_same_values() {
    let mut random = Random::new(12);
    let settings =
        changed(random_settings(&mut random, DeviceChoice::Cpu), |s| s.optimization.steps = Some(7));
    let data = random_data(&settings, 3 * settings.batching.batch, &mut random);
    let start = random.parameters(&settings.network.build().unwrap());
    let trainer = |start: Start| Trainer::on(&Machine::Cpu, &settings, &data, start).unwrap();
    let mut whole = trainer((&start).into());
    whole.train_to_end(100, |_, _| ()).unwrap();
    let mut first = trainer((&start).into());
    first.train(2, |_| ()).unwrap();
    let snapshot = first.snapshot().unwrap();
    let mut second: Trainer = trainer((&snapshot).into());
    second.train_to_end(100, |_, _| ()).unwrap();
    assert_eq!(second.parameters().unwrap(), whole.parameters().unwrap());
}

#[test]
fn software_with_broken_masks_fails_in_them_alone() {
    let case = |widths: &[usize], batch, parts, fused, normalises: bool, every| Case {
        widths: widths.to_vec(),
        batch,
        parts,
        activation: Activation::Tanh,
        residual: false,
        normalisation: normalises.then_some(Normalisation::Layer),
        dropout: 40,
        loss: Loss::Quadratic,
        values: false,
        bytes: false,
        fused,
        every,
    };
    let cases = [
        case(&[6, 9, 7, 2], 26, 2, false, false, 2),
        case(&[6, 9, 7, 2], 13, 1, false, true, 2),
        case(&[6, 16, 7, 9, 5, 2], 70, 1, true, false, 2),
        case(&[6, 16, 7, 9, 5, 2], 26, 2, true, false, 0),
    ];
    let failed = |context| {
        let checks: Vec<Check> = kernels::check(&Machine::Gpu(Box::new(context)), &cases, |_| ()).unwrap();
        let failed = checks.iter().filter(|check| check.verdict == Verdict::Failed && check.name != "step");
        failed.map(|check| check.name).collect::<Vec<_>>()
    };
    let sound = devices::software().with_tile(FAST);
    assert_eq!(failed(sound.clone()), Vec::<&str>::new());
    let path = format!("{}/shaders/", env!("CARGO_MANIFEST_DIR"));
    for (file, from, to) in [
        ("dropout", "dropout_key1 ^ layer", "dropout_key1"),
        ("dropout", "run.micro_batch.place + row", "row"),
        ("delta", "values = drop_at(values, sizes.place, row, columns);", ""),
        ("normalise_delta", "drop_one(below[i], sizes.place,", "drop_one(below[i], 0u,"),
        ("chain_deltas", "4u * column); }", "4u * column + 4u); }"),
        ("thin_input", "layer.place, row, first", "layer.place, row + 1u, first"),
    ] {
        let text = std::fs::read_to_string(format!("{path}{file}.wgsl")).unwrap();
        assert!(text.contains(from), "{file} has no {from}");
        let broken = sound.clone().with_shader(file, &text.replace(from, to)).unwrap();
        assert_eq!(failed(broken), ["dropout"], "{file}: {to}");
    }
}
