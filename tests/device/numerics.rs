//! Extreme values: NaN always reaches the host, and saturation is not an error.

use std::sync::Arc;

use crate::common::{Random, changed};
use crate::devices;
use ckpt_gpu::Error;
use ckpt_gpu::config::{DeviceChoice, Settings, Widths};
use ckpt_gpu::data::{Dataset, EvaluatedOn, Inputs, Split};
use ckpt_gpu::model::{Activation, LayerParameters, Loss, Normalisation, Optimizer, Parameters, UpdateRule};
use ckpt_gpu::train::{Start, Trainer};

const FEATURES: usize = 5;
const CLASSES: usize = 3;
const SAMPLES: usize = 14;

fn settings(device: DeviceChoice, activation: Activation, loss: Loss) -> Settings {
    changed(Settings::notebook(), |s| {
        s.network.layers = Widths(vec![FEATURES, 9, 6, CLASSES]);
        s.network.activation = activation;
        s.network.loss = loss;
        s.optimization.lr = 1e-6;
        s.batching.batch = 7;
        s.optimization.epochs = 1;
        s.placement.device = device;
    })
}

fn split(mut value: impl FnMut() -> f32, spoiled: Option<usize>) -> Split {
    let mut values: Vec<f32> = (0..SAMPLES * FEATURES).map(|_| value()).collect();
    if let Some(sample) = spoiled {
        values[sample * FEATURES + 2] = f32::NAN;
    }
    let labels = (0..SAMPLES).map(|sample| (sample % CLASSES) as u32).collect::<Vec<_>>();
    Split::new(FEATURES, Inputs::F32(values), labels).unwrap()
}

fn for_all(device: DeviceChoice, mut check: impl FnMut(Settings, &mut Random)) {
    let mut random = Random::new(5);
    // A software driver takes seconds to compile each pair, so each activation meets one loss there.
    let takes_turns = device == DeviceChoice::Software;
    for (turn, activation) in Activation::ALL.into_iter().enumerate() {
        for (index, loss) in Loss::ALL.into_iter().enumerate() {
            if !takes_turns || index == turn % Loss::ALL.len() {
                check(settings(device, activation, loss), &mut random);
            }
        }
    }
}

fn nan_in_one_sample_is_divergence(device: DeviceChoice) {
    for_all(device, |settings, random| {
        let parameters = random.parameters(&settings.network.build().unwrap());
        for spoiled in [0, SAMPLES - 1] {
            let train = split(|| random.normal(), Some(spoiled));
            let test = split(|| random.normal(), None);
            let data =
                Arc::new(Dataset { source: "nan".into(), train, test, evaluated_on: EvaluatedOn::Test });
            let outcome = devices::trainer(&settings, &data, &parameters).unwrap().epoch(|_| ());
            assert!(matches!(outcome, Err(Error::Diverged { epoch: 0, .. })), "{settings:?}: {outcome:?}");
        }
    });
}

/// NaN and infinity in each layer's parameters and moments.
fn parameters_and_moments_that_are_not_finite_are_divergence(
    device: DeviceChoice,
    normalisation: Option<Normalisation>,
) {
    let settings = changed(settings(device, Activation::Identity, Loss::Mse), |s| {
        s.network.normalisation = normalisation;
        s.optimization.rule = UpdateRule::of(Optimizer::Adam);
    });
    let mut random = Random::new(9);
    let good = random.parameters(&settings.network.build().unwrap());
    let [train, test] = [(); 2].map(|()| split(|| random.normal(), None));
    let data = Arc::new(Dataset { source: "data".into(), train, test, evaluated_on: EvaluatedOn::Test });
    let none = Parameters {
        layers: (good.layers.iter())
            .map(|layer| LayerParameters::from(layer.tensors().map(|tensor| vec![0.0; tensor.len()])))
            .collect(),
    };
    let spoiled = |parameters: &Parameters, (layer, tensor): (usize, usize), value| {
        let mut parameters = parameters.clone();
        *parameters.layers[layer].tensors_mut()[tensor].last_mut().unwrap() = value;
        parameters
    };
    let machine = devices::machine(device);
    let outcome = |parameters: &Parameters, moments: &[Parameters]| {
        let mut start = Start::from(parameters);
        start.initial.moments = moments.to_vec();
        match Trainer::on(&machine, &settings, &data, start).unwrap().train(1, |_| ()) {
            Err(Error::Diverged { epoch: 0, problem }) => problem,
            other => panic!("found {other:?}, expected divergence"),
        }
    };
    let tensors = good.layers.iter().map(LayerParameters::tensors).enumerate();
    let places = tensors.flat_map(|(layer, tensors)| {
        (0..4).filter(move |&tensor| !tensors[tensor].is_empty()).map(move |tensor| (layer, tensor))
    });
    for place in places {
        for value in [f32::NAN, f32::INFINITY] {
            let problem = outcome(&spoiled(&good, place, value), &[]);
            assert!(problem.contains("step 0, the loss"), "{place:?}, {value}: {problem}");
        }
        // A second moment that is infinite stops its parameter, which stays finite.
        for (moment, value) in [(0, f32::NAN), (0, f32::NEG_INFINITY), (1, f32::NAN)] {
            let mut moments = [none.clone(), none.clone()];
            moments[moment] = spoiled(&none, place, value);
            let problem = outcome(&good, &moments);
            assert!(
                problem.contains(&format!("step 0, layer {} ", place.0)),
                "{moment}, {place:?}, {value}: {problem}"
            );
        }
    }
}

#[test]
fn cpu_reports_parameters_and_moments_that_are_not_finite() {
    for normalisation in [None, Some(Normalisation::Layer)] {
        parameters_and_moments_that_are_not_finite_are_divergence(DeviceChoice::Cpu, normalisation);
    }
}

#[test]
fn software_reports_parameters_and_moments_that_are_not_finite() {
    for normalisation in [None, Some(Normalisation::Layer)] {
        parameters_and_moments_that_are_not_finite_are_divergence(DeviceChoice::Software, normalisation);
    }
}

/// Losses of 1e38 are finite, and their sum over the steps of an epoch is not.
fn an_infinite_sum_of_finite_losses_is_divergence(device: DeviceChoice) {
    let settings = changed(settings(device, Activation::Identity, Loss::Mse), |s| {
        s.optimization.lr = 1e-30;
        s.batching.batch = 1;
    });
    let mut random = Random::new(7);
    let mut parameters = random.parameters(&settings.network.build().unwrap());
    parameters.layers.last_mut().unwrap().bias.fill(1e19);
    let mut split = || split(|| random.normal(), None);
    let data = Arc::new(Dataset {
        source: "large".into(),
        train: split(),
        test: split(),
        evaluated_on: EvaluatedOn::Test,
    });
    let outcome = devices::trainer(&settings, &data, &parameters).unwrap().epoch(|_| ());
    assert!(matches!(outcome, Err(Error::Diverged { epoch: 0, .. })), "{outcome:?}");
}

#[test]
fn cpu_reports_an_infinite_sum_of_losses() {
    an_infinite_sum_of_finite_losses_is_divergence(DeviceChoice::Cpu);
}

#[test]
fn software_reports_an_infinite_sum_of_losses() {
    an_infinite_sum_of_finite_losses_is_divergence(DeviceChoice::Software);
}

fn nan_is_never_a_correct_prediction(device: DeviceChoice) {
    for_all(device, |settings, random| {
        let network = settings.network.build().unwrap();
        // For any input, the outputs are the last biases, of which the first is the largest.
        let mut parameters = random.parameters(&network);
        let last = parameters.layers.last_mut().unwrap();
        last.weights.fill(0.0);
        last.bias.copy_from_slice(&[2.0, 1.0, 0.5]);
        let accuracy = |parameters: &Parameters, spoiled| {
            let mut random = Random::new(6);
            let train = split(|| random.normal(), None);
            let test = split(|| random.normal(), spoiled);
            let data =
                Arc::new(Dataset { source: "nan".into(), train, test, evaluated_on: EvaluatedOn::Test });
            devices::trainer(&settings, &data, parameters).unwrap().evaluate().unwrap().accuracy.unwrap()
        };
        let right = (0..SAMPLES).filter(|sample| sample % CLASSES == 0).count() as f64;
        assert_eq!(accuracy(&parameters, None), right / SAMPLES as f64, "{settings:?}");
        assert_eq!(accuracy(&parameters, Some(3)), (right - 1.0) / SAMPLES as f64, "{settings:?}");
    });
}

fn saturation_stays_finite(device: DeviceChoice) {
    for_all(device, |mut settings, random| {
        // Gradients are large; the test is whether each kernel's arithmetic stays finite.
        settings.optimization.lr = 1e-30;
        let mut parameters = random.parameters(&settings.network.build().unwrap());
        for weight in parameters.layers.iter_mut().flat_map(|layer| &mut layer.weights) {
            *weight *= 30.0;
        }
        let train = split(|| 100.0 * random.normal(), None);
        let test = split(|| 100.0 * random.normal(), None);
        let data = Arc::new(Dataset { source: "large".into(), train, test, evaluated_on: EvaluatedOn::Test });
        let mut trainer = devices::trainer(&settings, &data, &parameters).unwrap();
        let epoch = trainer.epoch(|_| ()).unwrap();
        assert!(epoch.loss.is_finite(), "{settings:?}: {epoch:?}");
        let parameters = trainer.parameters().unwrap();
        let all = parameters.layers.iter().flat_map(|layer| layer.weights.iter().chain(&layer.bias));
        assert!(all.into_iter().all(|value| value.is_finite()), "{settings:?}");
    });
}

#[test]
fn cpu_reports_nan_as_divergence() {
    nan_in_one_sample_is_divergence(DeviceChoice::Cpu);
}

#[test]
fn software_reports_nan_as_divergence() {
    nan_in_one_sample_is_divergence(DeviceChoice::Software);
}

#[test]
fn cpu_scores_no_nan() {
    nan_is_never_a_correct_prediction(DeviceChoice::Cpu);
}

#[test]
fn software_scores_no_nan() {
    nan_is_never_a_correct_prediction(DeviceChoice::Software);
}

#[test]
fn cpu_saturates_quietly() {
    saturation_stays_finite(DeviceChoice::Cpu);
}

#[test]
fn software_saturates_quietly() {
    saturation_stays_finite(DeviceChoice::Software);
}
