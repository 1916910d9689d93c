//! Training compared with NumPy's f64 results, under several strategies and with gradient accumulation.

use crate::common::{changed, mnist, root};
use crate::devices;
use ckpt_gpu::check::reference::relative_error;
use ckpt_gpu::config::{DeviceChoice, Settings, Widths};
use ckpt_gpu::model::Parameters;
use ckpt_gpu::model_file;
use ckpt_gpu::strategy::Strategy;

/// f32 training ends within 5e-7 of f64; a gradient that is wrong by a thousandth exceeds this.
const TOLERANCE: f64 = 1e-5;

struct Case {
    name: &'static str,
    layers: Vec<usize>,
    batch: usize,
    parts: usize,
}

fn cases() -> [Case; 3] {
    [
        Case { name: "small", layers: vec![784, 100, 10], batch: 100, parts: 5 },
        Case { name: "longer", layers: vec![784, 30, 30, 30, 30, 30, 30, 10], batch: 100, parts: 2 },
        Case { name: "odd", layers: vec![784, 37, 23, 41, 10], batch: 33, parts: 3 },
    ]
}

fn every_strategy_agrees_with_numpy(device: DeviceChoice) {
    for case in cases() {
        // An interval longer than the network stores everything, as 0 does.
        let every = [0, 1, 2, 3, 4].into_iter().filter(|&every| every < case.layers.len() - 1);
        let hashes: Vec<_> = every.map(|every| agrees_with_numpy(&case, device, every, None)).collect();
        assert!(hashes.iter().all(|hash| *hash == hashes[0]), "{} on {device:?}: {hashes:?}", case.name);
    }
}

fn micro_batches_agree_with_numpy(device: DeviceChoice) {
    for case in cases() {
        agrees_with_numpy(&case, device, 3, Some(case.batch / case.parts));
    }
}

/// Returns the hash of the parameters.
fn agrees_with_numpy(case: &Case, device: DeviceChoice, every: usize, micro_batch: Option<usize>) -> String {
    let trained = train(case, device, every, micro_batch);
    let expected = file(case, "after100");
    for (index, (found, expected)) in trained.layers.iter().zip(&expected.layers).enumerate() {
        for (tensor, found, expected) in
            [("W", &found.weights, &expected.weights), ("b", &found.bias, &expected.bias)]
        {
            let expected: Vec<f64> = expected.iter().copied().map(f64::from).collect();
            let error = relative_error(found, &expected);
            assert!(
                error <= TOLERANCE,
                "{} every {every}, micro-batch {micro_batch:?}, on {device:?}: {tensor}{index} is off by {error:e}",
                case.name
            );
        }
    }
    trained.sha256()
}

fn train(case: &Case, device: DeviceChoice, every: usize, micro_batch: Option<usize>) -> Parameters {
    let settings = changed(Settings::notebook(), |s| {
        s.network.layers = Widths(case.layers.clone());
        s.batching.batch = case.batch;
        s.batching.micro_batch = micro_batch;
        s.optimization.steps = Some(100);
        s.optimization.shuffle = false;
        s.placement.strategy = Strategy::EveryN(every);
        s.placement.device = device;
    });
    let mut trainer = devices::trainer(&settings, mnist(), &file(case, "init")).unwrap();
    trainer.epoch(|_| ()).unwrap();
    assert_eq!(trainer.steps(), 100);
    let memory = trainer.memory();
    assert!(memory.agrees(), "{memory:#?}");
    assert_eq!(memory.allocations_after_first_step, 0);
    assert_eq!(memory.objects_after_first_step, 0);
    trainer.parameters().unwrap()
}

fn file(case: &Case, which: &str) -> Parameters {
    let settings = changed(Settings::notebook(), |s| s.network.layers = Widths(case.layers.clone()));
    let path = root().join(format!("tests/golden/{}.{which}.npz", case.name));
    model_file::read_parameters(&path, &settings.network.build().unwrap()).unwrap()
}

#[test]
fn cpu_agrees_with_numpy() {
    every_strategy_agrees_with_numpy(DeviceChoice::Cpu);
}

#[test]
fn software_agrees_with_numpy() {
    every_strategy_agrees_with_numpy(DeviceChoice::Software);
}

#[test]
fn cpu_agrees_with_numpy_in_micro_batches() {
    micro_batches_agree_with_numpy(DeviceChoice::Cpu);
}

#[test]
fn software_agrees_with_numpy_in_micro_batches() {
    micro_batches_agree_with_numpy(DeviceChoice::Software);
}
