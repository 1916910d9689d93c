//! The parts of the library that its own commands do not use.

use std::sync::Arc;

use crate::common::{Random, changed};
use ckpt_gpu::config::{DeviceChoice, Settings, Widths};
use ckpt_gpu::data::{Dataset, Inputs, Split, Targets};
use ckpt_gpu::model::{Activation, Loss};
use ckpt_gpu::strategy::Strategy;
use ckpt_gpu::train::{Machine, Predictor, Scores, Trainer, ValueScores};
use ckpt_gpu::{Error, Setting};

/// A regression split whose last mini-batch is incomplete.
fn split(features: usize, samples: usize, random: &mut Random) -> Split {
    let mut numbers = |count: usize| (0..count).map(|_| random.normal()).collect::<Vec<f32>>();
    let (inputs, values) = (numbers(samples * features), numbers(samples * 2));
    Split::new(features, Inputs::F32(inputs), Targets::Regression { width: 2, values }).unwrap()
}

fn small() -> (Settings, Arc<Dataset>) {
    let mut random = Random::new(5);
    let data = Dataset::in_memory(split(3, 26, &mut random), split(3, 11, &mut random)).unwrap();
    let settings = changed(Settings::default(), |s| {
        s.network.layers = Widths(vec![3, 8, 8, 8, 8, 2]);
        s.network.activation = Activation::Tanh;
        s.network.loss = Loss::Mse;
        s.batching.batch = 8;
        s.optimization.steps = Some(10);
        s.placement.strategy = Strategy::EveryN(2);
        s.placement.device = DeviceChoice::Cpu;
    });
    (settings, Arc::new(data))
}

#[test]
fn training_to_the_end_reports_mean_losses_across_epochs() {
    let (settings, data) = small();
    let start = settings.initial_parameters().unwrap();
    let mut by_step = Trainer::new(&settings, &data, &start).unwrap();
    assert_eq!(by_step.steps_per_epoch(), 4);
    let losses: Vec<f32> = (0..10).map(|_| by_step.train(1, |_| ()).unwrap()).collect();
    for every in [0, 1, 4, 10, u64::MAX] {
        let mut told = Vec::new();
        let mut trainer = Trainer::new(&settings, &data, &start).unwrap();
        trainer.train_to_end(every, |steps, loss| told.push((steps, loss))).unwrap();
        let spans = losses.chunks(usize::try_from(every.max(1)).unwrap());
        let mut steps = 0;
        assert_eq!(told.len(), spans.len(), "every {every}");
        for (span, (told_steps, told_loss)) in spans.zip(told) {
            steps += span.len() as u64;
            let mean = span.iter().sum::<f32>() / span.len() as f32;
            assert_eq!(told_steps, steps, "every {every}");
            assert!((told_loss - mean).abs() < 1e-5, "every {every}: {told_loss}, not {mean}");
        }
        assert_eq!(trainer.parameters().unwrap(), by_step.parameters().unwrap(), "every {every}");
    }
}

#[test]
fn a_plan_without_data_is_the_plan_of_the_training() {
    let (settings, data) = small();
    let planned = Machine::Cpu.plan(&settings, data.shape()).unwrap();
    let trainer = Trainer::new(&settings, &data, &settings.initial_parameters().unwrap()).unwrap();
    assert_eq!((planned.strategy, &planned.plan), (trainer.strategy(), trainer.plan()));
    assert_eq!(planned.bytes(), *trainer.planned());
    let wrong = changed(settings, |s| s.batching.micro_batch = Some(3));
    let refused = Machine::Cpu.plan(&wrong, data.shape()).map(|_| ());
    assert!(matches!(refused, Err(Error::Usage { setting: Setting::MicroBatch, .. })), "{refused:?}");
}

#[test]
fn predictions_have_the_loss_of_the_evaluation() {
    let (settings, data) = small();
    let start = settings.initial_parameters().unwrap();
    let loss = Trainer::new(&settings, &data, &start).unwrap().evaluate().unwrap().loss;
    let network = settings.network.build().unwrap();
    let mut predictor = Predictor::on(&Machine::Cpu, &network, &start, &data, 4).unwrap();
    let outputs = predictor.outputs().unwrap();
    assert_eq!(outputs.len(), 11 * 2);
    let Scores::Values(ValueScores { mse, .. }) = Scores::of(&network, &outputs, data.test.targets()) else {
        panic!("expected the scores of a regression");
    };
    assert!((mse - f64::from(loss)).abs() < 1e-5, "{mse}, not {loss}");
}

#[test]
fn splits_of_different_kinds_are_refused() {
    let mut random = Random::new(1);
    let values = split(3, 4, &mut random);
    let classes = Split::new(3, Inputs::U8(vec![0; 12]), vec![0; 4]).unwrap();
    for test in [split(2, 4, &mut random), classes] {
        let refused = Dataset::in_memory(values.clone(), test).map(|_| ());
        assert!(
            matches!(&refused, Err(Error::File { path, .. }) if path.as_os_str() == "in memory"),
            "{refused:?}"
        );
    }
}
