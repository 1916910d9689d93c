//! The parts of the library that its own commands do not use.

use std::ops::ControlFlow;
use std::sync::Arc;

use crate::common::{Random, changed};
use ckpt_gpu::config::{DeviceChoice, Settings, Widths};
use ckpt_gpu::data::{Dataset, Inputs, Split, Targets};
use ckpt_gpu::model::{Activation, Decay, Loss};
use ckpt_gpu::snapshot::BestSoFar;
use ckpt_gpu::strategy::Strategy;
use ckpt_gpu::train::{
    Best, Ending, Event, Fit, Machine, Metric, Predictor, Scores, Selection, Trainer, ValueScores,
};
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
    // The last mini-batch of an epoch has two samples.
    let samples = [8.0, 8.0, 8.0, 2.0].into_iter().cycle();
    let losses: Vec<(f32, f32)> =
        samples.take(10).map(|samples| (by_step.train(1, |_| ()).unwrap(), samples)).collect();
    for every in [0, 1, 4, 10, u64::MAX] {
        let mut told = Vec::new();
        let mut trainer = Trainer::new(&settings, &data, &start).unwrap();
        trainer.train_to_end(every, |steps, loss| told.push((steps, loss))).unwrap();
        let spans = losses.chunks(usize::try_from(every.max(1)).unwrap());
        let mut steps = 0;
        assert_eq!(told.len(), spans.len(), "every {every}");
        for (span, (told_steps, told_loss)) in spans.zip(told) {
            steps += span.len() as u64;
            let samples: f32 = span.iter().map(|(_, samples)| samples).sum();
            let mean = span.iter().map(|(loss, samples)| loss * samples).sum::<f32>() / samples;
            assert_eq!(told_steps, steps, "every {every}");
            assert!((told_loss - mean).abs() < 1e-5, "every {every}: {told_loss}, not {mean}");
        }
        assert_eq!(trainer.parameters().unwrap(), by_step.parameters().unwrap(), "every {every}");
    }
}

/// Steps, and whether an evaluation, its epoch or a state to resume from is told there.
fn events(fit: &mut Fit, trainer: &mut Trainer) -> (Ending, Vec<(u64, &'static str)>) {
    let mut told = Vec::new();
    let ended = trainer.fit(fit, |event| {
        told.push(match event {
            Event::Step(steps) => (steps, "step"),
            Event::Report(report) => {
                let kind = match report.evaluated.map(|evaluated| evaluated.epoch.is_some()) {
                    Some(true) => "epoch",
                    Some(false) => "evaluation",
                    None => "loss",
                };
                (report.trainer.steps(), kind)
            }
            Event::Resumable(resumable) => {
                (resumable.trainer.steps(), if resumable.is_last { "last" } else { "resumable" })
            }
        });
        Ok(ControlFlow::Continue(()))
    });
    (ended.unwrap(), told)
}

#[test]
fn a_callback_sees_every_step_and_evaluation() {
    let (settings, data) = small();
    let start = settings.initial_parameters().unwrap();
    let mut fit = Fit { evaluate_every: Some(6), report_every: vec![5], ..Fit::default() };
    let mut trainer = Trainer::new(&settings, &data, &start).unwrap();
    let (ended, told) = events(&mut fit, &mut trainer);
    assert_eq!(ended, Ending::Done);
    let steps: Vec<u64> = told.iter().filter(|(_, kind)| *kind == "step").map(|&(steps, _)| steps).collect();
    assert_eq!(steps, (1..=10).collect::<Vec<_>>());
    let others: Vec<_> = told.into_iter().filter(|(_, kind)| *kind != "step").collect();
    let expected = [
        (4, "epoch"),
        (4, "resumable"),
        (5, "loss"),
        (5, "resumable"),
        (6, "evaluation"),
        (6, "resumable"),
        (8, "epoch"),
        (8, "resumable"),
        // A longer run would not be evaluated here, so its snapshot precedes the evaluation.
        (10, "last"),
        (10, "epoch"),
    ];
    assert_eq!(others, expected);
    let mut plain = Trainer::new(&settings, &data, &start).unwrap();
    plain.train_to_end(10, |_, _| ()).unwrap();
    assert_eq!(trainer.parameters().unwrap(), plain.parameters().unwrap());
    assert_eq!(events(&mut fit, &mut trainer), (Ending::Done, Vec::new()));
}

#[test]
fn a_callback_reads_the_model_and_stops_the_training() {
    let (settings, data) = small();
    let start = settings.initial_parameters().unwrap();
    let mut plain = Trainer::new(&settings, &data, &start).unwrap();
    let first = plain.train(4, |_| ()).unwrap();
    let expected =
        (plain.parameters().unwrap(), plain.evaluate().unwrap(), plain.evaluate_training().unwrap());
    let second = plain.train(3, |_| ()).unwrap();

    let selection = Selection { metric: Metric::Loss, patience: None, min_delta: 0.0 };
    let best = Some(Best::new(selection, None).unwrap());
    let mut fit = Fit { evaluate_training: true, best, ..Fit::default() };
    let mut trainer = Trainer::new(&settings, &data, &start).unwrap();
    let (mut seen, mut losses) = (Vec::new(), Vec::new());
    let ended = trainer.fit(&mut fit, |event| match event {
        Event::Step(7) => Ok(ControlFlow::Break(())),
        Event::Report(report) => {
            losses.push(report.loss);
            if let Some(evaluated) = report.evaluated {
                assert_eq!(evaluated.loss, report.loss);
                assert_eq!(report.best.and_then(Best::so_far).map(|best| best.steps), Some(4));
                seen.push((report.trainer.parameters()?, evaluated.test, evaluated.training.unwrap()));
            }
            Ok(ControlFlow::Continue(()))
        }
        _ => Ok(ControlFlow::Continue(())),
    });
    assert_eq!((ended.unwrap(), trainer.steps()), (Ending::Stopped, 7));
    assert_eq!((seen, losses), (vec![expected], vec![first, second]));
    assert_eq!(trainer.parameters().unwrap(), plain.parameters().unwrap());
    // It goes on from there, until an error.
    let failed = trainer.fit(&mut fit, |event| match event {
        Event::Report(_) => Err(Error::Interrupted { steps: 8, remedy: "none".to_owned() }),
        _ => Ok(ControlFlow::Continue(())),
    });
    assert!(matches!(failed, Err(Error::Interrupted { steps: 8, .. })), "{failed:?}");
    assert_eq!(trainer.steps(), 8);
}

/// A run that is stopped at any event and resumed from the last state told ends as one that is not stopped.
#[test]
fn a_fit_is_resumed_to_the_same_bits() {
    let (settings, data) = small();
    let settings = changed(settings, |s| {
        s.optimization.schedule.decay = Decay::Plateau;
        s.optimization.schedule.plateau_patience = 1;
        s.optimization.rule.ema = Some(0.9);
    });
    let start = settings.initial_parameters().unwrap();
    let selection = Selection { metric: Metric::Rmse, patience: Some(4), min_delta: 0.0 };
    let fit = |so_far| {
        let best = Some(Best::new(selection, so_far).unwrap());
        Fit { evaluate_every: Some(3), report_every: vec![1], best, ..Fit::default() }
    };
    let mut whole = Trainer::new(&settings, &data, &start).unwrap();
    let mut whole_fit = fit(None);
    let ended = whole.fit(&mut whole_fit, |_| Ok(ControlFlow::Continue(()))).unwrap();
    let best = |fit: &Fit| fit.best.as_ref().unwrap().so_far().cloned();
    for stop in 1..10 {
        let mut kept = None;
        let mut trainer = Trainer::new(&settings, &data, &start).unwrap();
        trainer
            .fit(&mut fit(None), |event| match event {
                Event::Step(steps) if steps == stop => Ok(ControlFlow::Break(())),
                Event::Resumable(mut resumable) if resumable.is_last => {
                    kept = Some(resumable.snapshot()?);
                    Ok(ControlFlow::Continue(()))
                }
                _ => Ok(ControlFlow::Continue(())),
            })
            .unwrap();
        let mut snapshot = kept.unwrap();
        let mut resumed_fit = fit(snapshot.progress.best.take());
        let mut resumed = Trainer::new(&settings, &data, &snapshot).unwrap();
        assert_eq!(resumed.fit(&mut resumed_fit, |_| Ok(ControlFlow::Continue(()))).unwrap(), ended);
        assert_eq!(resumed.parameters().unwrap(), whole.parameters().unwrap(), "stopped after {stop}");
        assert_eq!(best(&resumed_fit), best(&whole_fit), "stopped after {stop}");
    }
}

#[test]
fn evaluations_and_reports_no_steps_apart_are_refused() {
    let (settings, data) = small();
    let mut trainer = Trainer::new(&settings, &data, settings.initial_parameters().unwrap()).unwrap();
    for (mut fit, setting) in [
        (Fit { evaluate_every: Some(0), ..Fit::default() }, Setting::EvaluateEvery),
        (Fit { report_every: vec![2, 0], ..Fit::default() }, Setting::ReportEvery),
    ] {
        let refused = trainer.fit(&mut fit, |_| Ok(ControlFlow::Continue(()))).unwrap_err();
        let Error::Usage { setting: found, .. } = refused else { panic!("{refused:?}") };
        assert_eq!(found, setting);
    }
    assert_eq!(trainer.steps(), 0);
}

#[test]
fn a_state_is_the_last_unless_the_callback_breaks_at_it() {
    let (settings, data) = small();
    let start = settings.initial_parameters().unwrap();
    let states = |stop: u64| {
        let mut trainer = Trainer::new(&settings, &data, &start).unwrap();
        let mut states = Vec::new();
        trainer
            .fit(&mut Fit { report_every: vec![1], ..Fit::default() }, |event| {
                let Event::Resumable(state) = event else { return Ok(ControlFlow::Continue(())) };
                states.push((state.trainer.steps(), state.is_last));
                let is_asked = state.trainer.steps() == stop;
                Ok(if is_asked { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
            })
            .unwrap();
        states
    };
    assert_eq!(states(3), [(1, false), (2, false), (3, false)]);
    let whole = states(u64::MAX);
    assert_eq!((whole.len(), whole[9]), (10, (10, true)));
    assert!(whole[..9].iter().all(|&(_, is_last)| !is_last), "{whole:?}");
}

#[test]
fn a_second_fit_of_a_run_that_is_done_evaluates_nothing() {
    let (settings, data) = small();
    let start = settings.initial_parameters().unwrap();
    let selection = Selection { metric: Metric::Loss, patience: Some(9), min_delta: 0.0 };
    // No loss is lower than that of `unbeaten`.
    let unbeaten = BestSoFar {
        metric: "loss".to_owned(),
        value: -1.0,
        steps: 0,
        counted: -1.0,
        since: 0,
        parameters: Arc::new(start.clone()),
    };
    for (so_far, since) in [(None, None), (Some(unbeaten), Some(3))] {
        let best = Some(Best::new(selection, so_far).unwrap());
        let mut fit = Fit { best, ..Fit::default() };
        let mut trainer = Trainer::new(&settings, &data, &start).unwrap();
        assert_eq!(events(&mut fit, &mut trainer).0, Ending::Done);
        let found = |fit: &Fit| fit.best.as_ref().and_then(Best::so_far).cloned().unwrap();
        let first = found(&fit);
        assert!(since.is_none_or(|since| first.since == since), "{}", first.since);
        assert_eq!(events(&mut fit, &mut trainer), (Ending::Done, Vec::new()));
        assert_eq!(found(&fit), first);
    }
}

#[test]
fn a_step_at_the_rate_of_the_schedule_is_the_step_of_the_schedule() {
    let (settings, data) = small();
    let settings = changed(settings, |s| s.optimization.schedule.decay = Decay::Cosine);
    let start = settings.initial_parameters().unwrap();
    let mut scheduled = Trainer::new(&settings, &data, &start).unwrap();
    let mut given = Trainer::new(&settings, &data, &start).unwrap();
    while !scheduled.is_done() {
        let loss = scheduled.train(1, |_| ()).unwrap();
        let rate = given.rate();
        assert_eq!(given.train_at(rate).unwrap(), loss);
        assert_eq!((given.last_rate(), scheduled.last_rate()), (rate, rate));
    }
    assert_eq!(given.parameters().unwrap(), scheduled.parameters().unwrap());
    assert!(matches!(given.train_at(0.1), Err(Error::Usage { setting: Setting::Steps, .. })));
}

#[test]
fn a_plan_without_data_is_the_plan_of_the_training() {
    let (settings, data) = small();
    let planned = Machine::Cpu.plan(&settings, data.shape()).unwrap();
    let trainer = Trainer::new(&settings, &data, settings.initial_parameters().unwrap()).unwrap();
    assert_eq!((planned.strategy, &planned.plan), (trainer.strategy(), trainer.plan()));
    assert_eq!(planned.bytes(), *trainer.planned());
    let wrong = changed(settings, |s| s.batching.micro_batch = Some(3));
    let refused = Machine::Cpu.plan(&wrong, data.shape()).map(|_| ());
    assert!(matches!(refused, Err(Error::Usage { setting: Setting::MicroBatch, .. })), "{refused:?}");
}

#[test]
fn predictions_have_the_loss_of_the_evaluation() {
    let (settings, data) = small();
    let mut start = settings.initial_parameters().unwrap();
    let loss = Trainer::new(&settings, &data, &start).unwrap().evaluate().unwrap().loss;
    let network = settings.network.build().unwrap();
    let mut predictor = Predictor::on(&Machine::Cpu, &network, &mut start, &data, 4).unwrap();
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
