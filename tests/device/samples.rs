//! What samples count for: whole epochs, weights, and smoothed labels.

use std::ops::ControlFlow;
use std::sync::Arc;

use crate::common::{Random, changed};
use crate::devices;
use ckpt_gpu::config::{DeviceChoice, Settings, Widths};
use ckpt_gpu::data::{ClassWeights, Dataset, EvaluatedOn, Inputs, Split, Targets};
use ckpt_gpu::device::DatasetPlacement;
use ckpt_gpu::model::{Activation, LayerParameters, Loss, Optimizer, Parameters, UpdateRule};
use ckpt_gpu::strategy::Strategy;
use ckpt_gpu::train::{Event, Fit, Machine, Start, Trainer};
use ckpt_gpu::{Error, Setting};

const FEATURES: usize = 6;
const CLASSES: usize = 3;

fn settings() -> Settings {
    changed(Settings::notebook(), |s| {
        s.network.layers = Widths(vec![FEATURES, 9, 9, CLASSES]);
        s.network.activation = Activation::Tanh;
        s.network.loss = Loss::CrossEntropy;
        s.optimization.lr = 0.5;
        s.optimization.shuffle = false;
        s.batching.batch = 4;
        s.batching.drop_last = false;
    })
}

fn split(samples: usize, random: &mut Random) -> Split {
    let inputs = (0..samples * FEATURES).map(|_| random.normal()).collect();
    let labels: Vec<u32> = (0..samples).map(|_| random.below(CLASSES) as u32).collect();
    Split::new(FEATURES, Inputs::F32(inputs), labels).unwrap()
}

fn dataset(train: Split) -> Dataset {
    let test = train.clone();
    Dataset { source: "random".into(), train, test, evaluated_on: EvaluatedOn::Test }
}

fn start(settings: &Settings) -> Parameters {
    Random::new(1).parameters(&settings.network.build().unwrap())
}

fn after(
    machine: &Machine,
    settings: &Settings,
    data: &Dataset,
    from: impl Into<Start>,
    steps: u64,
) -> (Parameters, f32) {
    let mut trainer = Trainer::on(machine, settings, &Arc::new(data.clone()), from).unwrap();
    let loss = trainer.train(steps, |_| ()).unwrap();
    assert_eq!(trainer.steps(), steps);
    assert!(trainer.memory().agrees());
    (trainer.parameters().unwrap(), loss)
}

#[track_caller]
fn assert_close(found: &Parameters, expected: &Parameters) {
    let values = |parameters: &Parameters| {
        let layers = parameters.layers.iter().flat_map(LayerParameters::values);
        layers.collect::<Vec<_>>()
    };
    for (a, b) in values(found).into_iter().zip(values(expected)) {
        assert!((a - b).abs() <= 2e-6 * b.abs().max(1.0), "{a}, expected {b}");
    }
}

fn machines() -> [Machine; 3] {
    // The last is as on hardware, where one kernel goes forward and backward.
    let context = devices::software();
    let few = context.clone().with_few_dispatches();
    [Machine::Cpu, Machine::Gpu(Box::new(context)), Machine::Gpu(Box::new(few))]
}

/// Ten samples in batches of four: the third has two, over which its losses and gradients are averaged.
#[test]
fn software_and_cpu_train_the_last_samples_of_an_epoch() {
    let mut random = Random::new(2);
    let all = split(10, &mut random);
    let data = dataset(all.clone());
    let settings = settings();
    for machine in machines() {
        let trainer = Trainer::on(&machine, &settings, &Arc::new(data.clone()), start(&settings)).unwrap();
        assert_eq!((trainer.steps_per_epoch(), trainer.total_steps()), (3, 15));
        let (two, _) = after(&machine, &settings, &data, start(&settings), 2);
        let (three, _) = after(&machine, &settings, &data, start(&settings), 3);
        let last = dataset(all.rows(&[8, 9]).unwrap());
        let pairs = changed(settings.clone(), |s| s.batching.batch = 2);
        let (expected, _) = after(&machine, &pairs, &last, &two, 1);
        assert_close(&three, &expected);

        // Whatever the plan, and where micro-batches lie past the end.
        for (micro_batch, strategy) in [(None, Strategy::EveryN(2)), (Some(2), Strategy::EveryN(0))] {
            let other = changed(settings.clone(), |s| {
                s.batching.micro_batch = micro_batch;
                s.placement.strategy = strategy;
                s.placement.dataset = DatasetPlacement::Host;
            });
            assert_close(&after(&machine, &other, &data, start(&settings), 3).0, &three);
        }
        let dropped = changed(settings.clone(), |s| s.batching.drop_last = true);
        let trainer = Trainer::on(&machine, &dropped, &Arc::new(data.clone()), start(&settings)).unwrap();
        assert_eq!((trainer.steps_per_epoch(), trainer.total_steps()), (2, 10));
    }
}

/// At so low a learning rate parameters stand still, so that the mean loss of an epoch is that of its samples.
#[test]
fn software_and_cpu_weigh_losses_of_smaller_mini_batches_by_their_samples() {
    let data = Arc::new(dataset(split(10, &mut Random::new(2))));
    let settings = changed(settings(), |s| {
        s.optimization.lr = 1e-30;
        s.optimization.epochs = 2;
    });
    for (machine, micro_batch) in
        machines().into_iter().flat_map(|machine| [(machine.clone(), 4), (machine, 2)])
    {
        let settings = changed(settings.clone(), |s| s.batching.micro_batch = Some(micro_batch));
        let begin = || Trainer::on(&machine, &settings, &data, start(&settings)).unwrap();
        let expected = begin().evaluate_training().unwrap().loss;
        let close = |loss: f32| assert!((loss - expected).abs() < 1e-6, "{loss}, expected {expected}");
        close(begin().epoch(|_| ()).unwrap().loss);

        let mut in_parts = begin();
        let [first, last] = [2, 1].map(|steps| in_parts.train(steps, |_| ()).unwrap());
        close((8.0 * first + 2.0 * last) / 10.0);
        assert!((first - last).abs() > 1e-3, "{first} and {last}");
        close(in_parts.end_epoch().unwrap().loss);

        let mut told = Vec::new();
        begin().train_to_end(6, |_, loss| told.push(loss)).unwrap();
        told.into_iter().for_each(close);
        let mut fit = Fit { report_every: vec![2], ..Fit::default() };
        let fitted = begin().fit(&mut fit, |event| {
            if let Event::Report(report) = event
                && let Some(evaluated) = report.evaluated
            {
                close(evaluated.loss);
                close(evaluated.epoch.unwrap().loss);
                if evaluated.steps == 3 {
                    assert_eq!(report.loss, last);
                }
            }
            Ok(ControlFlow::Continue(()))
        });
        fitted.unwrap();
    }
}

#[test]
fn epochs_count_all_of_their_samples() {
    let data = Arc::new(dataset(split(10, &mut Random::new(2))));
    let settings = changed(settings(), |s| s.optimization.epochs = 2);
    let mut trainer = Trainer::on(&Machine::Cpu, &settings, &data, start(&settings)).unwrap();
    let mut seen = Vec::new();
    while !trainer.is_done() {
        trainer.train(1, |_| ()).unwrap();
        seen.push(trainer.samples_seen());
    }
    assert_eq!(seen, [4, 8, 10, 14, 18, 20]);
}

/// A run that is stopped before the last, smaller mini-batch of an epoch and resumed has the bits of one that was not.
#[test]
fn runs_are_resumed_before_a_smaller_mini_batch() {
    let data =
        dataset(split(10, &mut Random::new(2)).with_weights((0..10).map(|n| n as f32).collect()).unwrap());
    let data = Arc::new(data);
    let settings = changed(settings(), |s| {
        s.optimization.shuffle = true;
        s.optimization.epochs = 2;
        s.optimization.rule = UpdateRule::of(Optimizer::Adam);
    });
    let from = start(&settings);
    let mut whole = Trainer::on(&Machine::Cpu, &settings, &data, &from).unwrap();
    whole.train_to_end(100, |_, _| ()).unwrap();
    for stop in [2, 3, 5] {
        let mut first = Trainer::on(&Machine::Cpu, &settings, &data, &from).unwrap();
        while first.steps() < stop {
            first.train(1, |_| ()).unwrap();
        }
        let snapshot = first.snapshot().unwrap();
        let mut second = Trainer::on(&Machine::Cpu, &settings, &data, &snapshot).unwrap();
        second.train_to_end(100, |_, _| ()).unwrap();
        assert_eq!(second.parameters().unwrap(), whole.parameters().unwrap(), "stopped after {stop}");
    }
}

/// A sample that weighs two counts as two samples; one that weighs nothing does not count, whatever it holds.
#[test]
fn software_and_cpu_weigh_samples_as_if_they_were_repeated() {
    let mut random = Random::new(4);
    let all = split(4, &mut random);
    let repeated = dataset(all.rows(&[0, 1, 1, 3, 3, 3]).unwrap());
    for machine in machines() {
        for loss in [Loss::CrossEntropy, Loss::Mse, Loss::BinaryCrossEntropy] {
            let settings = changed(settings(), |s| s.network.loss = loss);
            let weighted = dataset(all.clone()).weighted(vec![1.0, 2.0, 0.0, 3.0]).unwrap();
            let six = changed(settings.clone(), |s| s.batching.batch = 6);
            let (expected, mean) = after(&machine, &six, &repeated, start(&settings), 1);
            let (found, loss) = after(&machine, &settings, &weighted, start(&settings), 1);
            assert_close(&found, &expected);
            assert!((loss - mean).abs() < 1e-5, "{loss}, expected {mean}");
            let parts = changed(settings.clone(), |s| s.batching.micro_batch = Some(2));
            assert_close(&after(&machine, &parts, &weighted, start(&settings), 1).0, &expected);
        }
    }
}

/// Weights are of training; evaluations of either split weigh all samples alike.
#[test]
fn software_and_cpu_evaluate_without_weights() {
    let all = split(6, &mut Random::new(4));
    let even = Arc::new(dataset(all.clone()));
    let weighted = Arc::new(dataset(all).weighted(vec![1.0, 2.0, 0.0, 3.0, 1.0, 1.0]).unwrap());
    for machine in machines() {
        let settings = settings();
        let of = |data| Trainer::on(&machine, &settings, data, start(&settings)).unwrap();
        let (mut found, mut expected) = (of(&weighted), of(&even));
        assert_eq!(found.evaluate().unwrap(), expected.evaluate().unwrap());
        let on_training = found.evaluate_training().unwrap();
        assert_eq!(on_training.on, EvaluatedOn::Training);
        assert_eq!(on_training, expected.evaluate_training().unwrap());
    }
}

/// The update of a mini-batch without any weight is that of a gradient of zero.
#[test]
fn software_and_cpu_learn_nothing_from_samples_without_weight() {
    let data = dataset(split(4, &mut Random::new(4)));
    let data = Dataset { train: data.train.rows(&[0, 1, 2, 3, 0]).unwrap(), ..data };
    let data = data.weighted(vec![0.0, 0.0, 0.0, 0.0, 1.0]).unwrap();
    for machine in machines() {
        let settings = settings();
        let (found, loss) = after(&machine, &settings, &data, start(&settings), 1);
        assert_eq!((found, loss), (start(&settings), 0.0));
    }
}

/// Smoothed labels are rows of probabilities.
#[test]
fn software_and_cpu_smooth_labels() {
    let all = split(4, &mut Random::new(6));
    let smoothing = 0.3;
    let rows = all.labels().iter().flat_map(|&label| {
        (0..CLASSES as u32).map(move |class| {
            let spread = smoothing / CLASSES as f32;
            if class == label { 1.0 - smoothing + spread } else { spread }
        })
    });
    let rows = Targets::Regression { width: CLASSES, values: rows.collect() };
    let soft = dataset(Split::new(FEATURES, all.inputs().clone(), rows).unwrap());
    for machine in machines() {
        let settings = settings();
        let smoothed = changed(settings.clone(), |s| s.optimization.label_smoothing = smoothing);
        let (expected, mean) = after(&machine, &settings, &soft, start(&settings), 1);
        let (found, loss) = after(&machine, &smoothed, &dataset(all.clone()), start(&settings), 1);
        assert_close(&found, &expected);
        assert!((loss - mean).abs() < 1e-5, "{loss}, expected {mean}");
        // Evaluation does not smooth.
        let data = Arc::new(dataset(all.clone()));
        let [plain, smoothed] = [settings, smoothed].map(|settings| {
            Trainer::on(&machine, &settings, &data, start(&settings)).unwrap().evaluate().unwrap()
        });
        assert_eq!(plain, smoothed);
    }
}

#[test]
fn classes_are_weighed_by_how_many_samples_they_have() {
    let all = Split::new(1, Inputs::F32(vec![0.5; 4]), vec![0, 0, 0, 2]).unwrap();
    let balanced = dataset(all.clone()).weighted_by_class(&ClassWeights::Balanced, 3).unwrap();
    let weights = balanced.train.weights().unwrap();
    assert_eq!((weights[0], weights[3]), (4.0 / 6.0, 2.0));
    assert_eq!(balanced.test.weights(), Some(&[1.0; 4][..]));
    // On top of the samples' own.
    let both = dataset(all.clone().with_weights(vec![1.0, 2.0, 0.0, 1.0]).unwrap());
    let both = both.weighted_by_class(&"2,1,5".parse().unwrap(), 3).unwrap();
    assert_eq!(both.train.weights(), Some(&[2.0, 4.0, 0.0, 5.0][..]));
    let numbers = Targets::Regression { width: 1, values: vec![0.5; 4] };
    let numbers = dataset(Split::new(1, Inputs::F32(vec![0.5; 4]), numbers).unwrap());
    let refused = numbers.weighted_by_class(&ClassWeights::Balanced, 2);
    assert!(matches!(refused, Err(Error::Usage { setting: Setting::ClassWeights, .. })), "{refused:?}");
}

#[test]
fn weights_that_are_none_are_refused() {
    let all = split(4, &mut Random::new(6));
    for (weights, problem) in [
        (vec![1.0; 3], "found 3 weights, expected 4"),
        (vec![1.0, -1.0, 1.0, 1.0], "found -1 at index 1"),
        (vec![1.0, 1.0, f32::NAN, 1.0], "found NaN at index 2"),
        (vec![1.0, 1.0, 1.0, f32::INFINITY], "found inf at index 3"),
        (vec![0.0; 4], "all 0"),
    ] {
        let message = all.clone().with_weights(weights).unwrap_err().to_string();
        assert!(message.starts_with("`weight_key`: ") && message.contains(problem), "{message}");
    }
    let mut one_sided = dataset(all.clone());
    one_sided.train = all.with_weights(vec![1.0; 4]).unwrap();
    let settings = changed(settings(), |s| s.placement.device = DeviceChoice::Cpu);
    let refused = Trainer::on(&Machine::Cpu, &settings, &Arc::new(one_sided), start(&settings)).map(|_| ());
    assert!(matches!(refused, Err(Error::File { .. })), "{refused:?}");
}
