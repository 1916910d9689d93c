//! Evaluations during training: on either split, of averaged parameters, with all scores; plateau schedules, and the best parameters.

use std::sync::Arc;

use crate::common::{Random, changed};
use crate::devices;
use ckpt_gpu::config::{Settings, Widths};
use ckpt_gpu::data::{Dataset, EvaluatedOn, Inputs, Split, Targets};
use ckpt_gpu::model::{Activation, Decay, Loss, Optimizer, Parameters, Schedule, UpdateRule};
use ckpt_gpu::snapshot::BestSoFar;
use ckpt_gpu::strategy::Strategy;
use ckpt_gpu::train::{Best, Machine, Metric, Predictor, Scores, Selection, Trainer};
use ckpt_gpu::{Error, Setting};

const FEATURES: usize = 5;
const OUTPUTS: usize = 3;
const STEPS: u64 = 24;

fn settings() -> Settings {
    changed(Settings::notebook(), |s| {
        s.network.layers = Widths(vec![FEATURES, 9, 9, 9, OUTPUTS]);
        s.network.activation = Activation::Silu;
        s.network.loss = Loss::CrossEntropy;
        s.network.residual = true;
        s.optimization.lr = 0.03;
        s.optimization.rule = UpdateRule { ema: Some(0.9), ..UpdateRule::of(Optimizer::Adam) };
        s.optimization.steps = Some(STEPS);
        s.batching.batch = 8;
        s.batching.micro_batch = Some(4);
        s.batching.drop_last = false;
        s.placement.strategy = Strategy::EveryN(2);
    })
}

/// Splits of 45 and 18 samples, so that each ends with a short micro-batch.
fn data(loss: Loss) -> Arc<Dataset> {
    let mut random = Random::new(11);
    let mut split = |samples: usize| {
        let inputs = (0..samples * FEATURES).map(|_| random.normal()).collect();
        let targets = if loss == Loss::CrossEntropy {
            Targets::Classes((0..samples).map(|_| random.below(OUTPUTS) as u32).collect())
        } else {
            Targets::Regression {
                width: OUTPUTS,
                values: (0..samples * OUTPUTS).map(|_| random.normal()).collect(),
            }
        };
        Split::new(FEATURES, Inputs::F32(inputs), targets).unwrap()
    };
    let (train, test) = (split(45), split(18));
    Arc::new(Dataset { source: "random".into(), train, test, evaluated_on: EvaluatedOn::Validation })
}

fn start(settings: &Settings) -> Parameters {
    Random::new(3).parameters(&settings.network.build().unwrap())
}

fn machines() -> [Machine; 3] {
    let context = devices::software();
    let few = context.clone().with_few_dispatches();
    [Machine::Cpu, Machine::Gpu(Box::new(context)), Machine::Gpu(Box::new(few))]
}

fn trained(
    machine: &Machine,
    settings: &Settings,
    data: &Arc<Dataset>,
    start: impl Into<ckpt_gpu::train::Start>,
    steps: u64,
) -> Trainer {
    let mut trainer = Trainer::on(machine, settings, data, start).unwrap();
    while trainer.steps() < steps {
        trainer.train(steps - trainer.steps(), |_| ()).unwrap();
    }
    trainer
}

#[test]
fn software_and_cpu_evaluate_averaged_parameters() {
    let (settings, data) = (settings(), data(Loss::CrossEntropy));
    let plain = changed(settings.clone(), |s| s.optimization.rule.ema = None);
    for machine in machines() {
        let mut trainer = trained(&machine, &settings, &data, start(&settings), 10);
        let last = trainer.parameters().unwrap();
        let average = trainer.model_parameters().unwrap();
        assert_ne!(average, last);
        let mut of_average = Trainer::on(&machine, &plain, &data, &average).unwrap();
        let evaluation = trainer.evaluate().unwrap();
        assert_eq!(evaluation, of_average.evaluate().unwrap());
        assert_ne!(evaluation, Trainer::on(&machine, &plain, &data, &last).unwrap().evaluate().unwrap());
        assert_eq!(trainer.evaluate_training().unwrap(), of_average.evaluate_training().unwrap());
        assert_eq!(of_average.model_parameters().unwrap(), average);
        // Training goes on from the last parameters, whatever was read or evaluated between.
        assert_eq!(trainer.parameters().unwrap(), last);
        trainer.train(2, |_| ()).unwrap();
        let without_pause = trained(&machine, &plain, &data, start(&settings), 12).parameters().unwrap();
        assert_eq!(trainer.parameters().unwrap(), without_pause);
        assert!(trainer.memory().agrees());
    }
}

#[test]
fn software_and_cpu_score_all_outputs() {
    for loss in [Loss::CrossEntropy, Loss::Mse] {
        let settings = changed(settings(), |s| s.network.loss = loss);
        let (data, network) = (data(loss), settings.network.build().unwrap());
        for machine in machines() {
            let mut trainer = trained(&machine, &settings, &data, start(&settings), 6);
            let (evaluation, scores) = trainer.evaluate_outputs().unwrap();
            assert_eq!(evaluation, trainer.evaluate().unwrap());
            let mut parameters = trainer.model_parameters().unwrap();
            let mut predictor = Predictor::on(&machine, &network, &mut parameters, &data, 4).unwrap();
            let outputs = predictor.outputs().unwrap();
            let json = |scores: Scores| serde_json::to_string(&scores).unwrap();
            assert_eq!(json(scores), json(Scores::of(&network, &outputs, data.test.targets())));
        }
    }
}

#[test]
fn software_and_cpu_resume_averages_and_plateaus() {
    let settings = changed(settings(), |s| {
        s.optimization.schedule =
            Schedule { decay: Decay::Plateau, decay_factor: 0.5, plateau_patience: 1, ..Schedule::default() };
        s.optimization.lr = 0.3;
    });
    let data = data(Loss::CrossEntropy);
    for machine in machines() {
        let run = |stops: &[u64]| {
            let mut trainer = Trainer::on(&machine, &settings, &data, start(&settings)).unwrap();
            let mut rates = Vec::new();
            while !trainer.is_done() {
                trainer.train(1, |_| ()).unwrap();
                if trainer.steps().is_multiple_of(3) {
                    let evaluation = trainer.evaluate().unwrap();
                    trainer.note_evaluation(&evaluation);
                }
                rates.push(trainer.rate());
                if stops.contains(&trainer.steps()) {
                    let snapshot = trainer.snapshot().unwrap();
                    trainer = Trainer::on(&machine, &settings, &data, &snapshot).unwrap();
                }
            }
            (rates, trainer.parameters().unwrap(), trainer.model_parameters().unwrap())
        };
        let whole = run(&[]);
        let mut rates = whole.0.clone();
        rates.dedup();
        assert!(rates.len() > 1, "the learning rate never fell: {rates:?}");
        assert!(rates.windows(2).all(|pair| pair[1] == 0.5 * pair[0]), "{rates:?}");
        assert_eq!(run(&[4, 6, 13]), whole);
    }
}

fn best(metric: Metric, patience: Option<u64>) -> Best {
    Best::new(Selection { metric, patience, min_delta: 0.0 }, None).unwrap()
}

#[test]
fn the_best_parameters_are_those_of_the_best_evaluation() {
    let settings = changed(settings(), |s| s.optimization.lr = 0.1);
    let data = data(Loss::CrossEntropy);
    for metric in [Metric::Loss, Metric::Accuracy, Metric::RocAuc] {
        let mut trainer = Trainer::on(&Machine::Cpu, &settings, &data, start(&settings)).unwrap();
        let (mut kept, mut values) = (best(metric, None), Vec::new());
        while !trainer.is_done() {
            trainer.train(1, |_| ()).unwrap();
            let (evaluation, scores) = trainer.evaluate_outputs().unwrap();
            assert_eq!(kept.evaluate(&mut trainer).unwrap(), evaluation);
            let value = metric.of(&evaluation, Some(&scores)).unwrap();
            values.push((trainer.steps(), value, trainer.model_parameters().unwrap()));
        }
        let better = |a: f64, b: f64| if metric.is_better_larger() { a > b } else { a < b };
        // The first of equals.
        let mut expected = values[0].clone();
        for value in &values {
            if better(value.1, expected.1) {
                expected = value.clone();
            }
        }
        let found = kept.so_far().unwrap();
        assert_eq!((found.steps, found.value), (expected.0, expected.1), "{metric:?}");
        assert_eq!(found.since, STEPS - expected.0);
        assert!(!kept.is_out_of_patience());
        assert_eq!(*kept.so_far().unwrap().parameters, expected.2);
    }
}

#[test]
fn patience_counts_evaluations_without_enough_gain() {
    let settings = changed(settings(), |s| s.optimization.lr = 0.001);
    let data = data(Loss::CrossEntropy);
    let data = Arc::new(Dataset { test: data.train.clone(), ..(*data).clone() });
    let mut trainer = Trainer::on(&Machine::Cpu, &settings, &data, start(&settings)).unwrap();
    let selection = Selection { metric: Metric::Loss, patience: Some(2), min_delta: 1e9 };
    let mut best = Best::new(selection, None).unwrap();
    let mut losses = Vec::new();
    let over = (0..3).map(|_| {
        trainer.train(1, |_| ()).unwrap();
        let evaluation = best.evaluate(&mut trainer).unwrap();
        losses.push(f64::from(evaluation.loss));
        best.is_out_of_patience()
    });
    assert_eq!(over.collect::<Vec<_>>(), [false, false, true]);
    let so_far = best.so_far().unwrap().clone();
    assert_eq!((so_far.counted, so_far.since), (losses[0], 2));
    // Small gains are kept all the same.
    let least = losses.iter().copied().fold(f64::INFINITY, f64::min);
    assert!(least < losses[0], "{losses:?}");
    assert_eq!(so_far.value, least);
    assert!(Best::new(selection, Some(so_far.clone())).unwrap().is_out_of_patience());
    let other = Selection { metric: Metric::Accuracy, ..selection };
    match Best::new(other, Some(so_far)) {
        Err(Error::Usage { setting: Setting::KeepBest, problem }) => {
            assert!(problem.contains("found accuracy, expected loss"), "{problem}");
        }
        found => panic!("{found:?}"),
    }
}

#[test]
fn selections_that_cannot_be_made_are_refused() {
    let (classes, values) = (data(Loss::CrossEntropy), data(Loss::Mse));
    let of = |metric, patience, min_delta| Selection { metric, patience, min_delta };
    let training = Dataset { evaluated_on: EvaluatedOn::Training, ..(*classes).clone() };
    let network = |loss| changed(settings(), |s| s.network.loss = loss).network.build().unwrap();
    let check = |selection: Selection, data: &Dataset, loss| match selection.check(data, &network(loss)) {
        Err(Error::Usage { setting, problem }) => (setting, problem),
        found => panic!("{found:?}"),
    };
    for (selection, data, loss, setting, words) in [
        (of(Metric::R2, None, 0.0), &*classes, Loss::CrossEntropy, Setting::KeepBest, "found r2, expected"),
        (
            of(Metric::Accuracy, None, 0.0),
            &*values,
            Loss::Mse,
            Setting::KeepBest,
            "for targets that are numbers",
        ),
        (
            of(Metric::LogLoss, None, 0.0),
            &*classes,
            Loss::Mse,
            Setting::KeepBest,
            "expected one of: loss, accuracy, f1, roc-auc, average-precision, for",
        ),
        (of(Metric::Loss, None, 0.0), &training, Loss::CrossEntropy, Setting::KeepBest, "held out"),
        (of(Metric::Loss, Some(3), 0.0), &training, Loss::CrossEntropy, Setting::Patience, "held out"),
        (of(Metric::Loss, Some(0), 0.0), &*classes, Loss::CrossEntropy, Setting::Patience, "found 0"),
        (of(Metric::Loss, None, f64::NAN), &*classes, Loss::CrossEntropy, Setting::MinDelta, "found NaN"),
        (of(Metric::Loss, None, -1.0), &*classes, Loss::CrossEntropy, Setting::MinDelta, "found -1"),
    ] {
        let (found, problem) = check(selection, data, loss);
        assert!(found == setting && problem.contains(words), "{found:?}: {problem}");
    }
    of(Metric::R2, Some(1), 0.5).check(&values, &network(Loss::Mse)).unwrap();
    of(Metric::F1, None, 0.0).check(&classes, &network(Loss::CrossEntropy)).unwrap();
}

/// A class without samples has no ROC curve.
#[test]
fn metrics_that_are_undefined_are_refused() {
    let settings = settings();
    let data = data(Loss::CrossEntropy);
    let one = Split::new(FEATURES, Inputs::F32(vec![0.5; 2 * FEATURES]), vec![1, 1]).unwrap();
    let data = Arc::new(Dataset { test: one, ..(*data).clone() });
    let mut trainer = Trainer::on(&Machine::Cpu, &settings, &data, start(&settings)).unwrap();
    match best(Metric::RocAuc, None).evaluate(&mut trainer) {
        Err(Error::Usage { setting: Setting::KeepBest, problem }) => {
            assert!(problem.contains("roc-auc is undefined on the validation split"), "{problem}");
        }
        found => panic!("{found:?}"),
    }
}

/// Optimizer state with an average of the parameters is none without, and the other way round.
#[test]
fn optimizer_state_of_another_rule_is_refused() {
    let (averaged, data) = (settings(), data(Loss::CrossEntropy));
    let plain = changed(averaged.clone(), |s| s.optimization.rule.ema = None);
    for (first, second) in [(&averaged, &plain), (&plain, &averaged)] {
        let snapshot = trained(&Machine::Cpu, first, &data, start(first), 3).snapshot().unwrap();
        match Trainer::on(&Machine::Cpu, second, &data, &snapshot) {
            Err(Error::Usage { setting: Setting::Optimizer, .. }) => {}
            found => panic!("{:?}", found.err()),
        }
    }
}

#[test]
fn a_number_is_better_than_nan() {
    let (settings, data) = (settings(), data(Loss::CrossEntropy));
    let mut trainer = Trainer::on(&Machine::Cpu, &settings, &data, start(&settings)).unwrap();
    let mut kept = best(Metric::Loss, Some(3));
    kept.evaluate(&mut trainer).unwrap();
    let nan = kept.so_far().map(|best| BestSoFar { value: f64::NAN, ..best.clone() });
    let mut kept = Best::new(kept.selection(), nan).unwrap();
    trainer.train(1, |_| ()).unwrap();
    kept.evaluate(&mut trainer).unwrap();
    assert_eq!(kept.so_far().unwrap().steps, 1);
    assert!(Best::new(Selection { min_delta: f64::NAN, ..kept.selection() }, None).is_err());
}
