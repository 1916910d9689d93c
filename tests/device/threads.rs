//! The CPU backend on various numbers of threads.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::common::{changed, mnist};
use ckpt_gpu::check::kernels;
use ckpt_gpu::config::{DeviceChoice, Settings};
use ckpt_gpu::memory::Category;
use ckpt_gpu::model::{Optimizer, Parameters, UpdateRule};
use ckpt_gpu::strategy::Strategy;
use ckpt_gpu::train::{Machine, MemoryReport, Start, Trainer};

fn on_threads<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(work)
}

#[test]
fn cpu_kernels_agree_with_the_reference_on_any_number_of_threads() {
    // Each case on two of them.
    for (index, threads) in [1, 2, 3, 7].into_iter().enumerate() {
        let cases: Vec<_> = kernels::grid().into_iter().skip(index % 2).step_by(2).collect();
        let checks = on_threads(threads, || kernels::check(&Machine::Cpu, &cases, |_| ()).unwrap());
        let wrong: Vec<_> = checks.iter().filter(|check| !check.holds()).collect();
        assert!(!checks.is_empty() && wrong.is_empty(), "{threads} threads: {wrong:#?}");
    }
}

fn trained(layers: &str, parts: usize, every: usize) -> (String, MemoryReport) {
    let settings = changed(Settings::notebook(), |s| {
        s.network.layers = layers.parse().unwrap();
        s.batching.micro_batch = Some(100 / parts);
        s.optimization.steps = Some(4);
        s.placement.strategy = Strategy::EveryN(every);
        s.placement.device = DeviceChoice::Cpu;
    });
    let data = Arc::clone(mnist());
    let start = Parameters::normal(&settings.network.build().unwrap(), 8);
    let mut trainer = Trainer::new(&settings, &data, &start).unwrap();
    trainer.train(4, |_| ()).unwrap();
    (trainer.parameters().unwrap().sha256(), trainer.memory())
}

/// A run that is stopped on some threads and resumed on others has the bits of one that was never stopped.
#[test]
fn cpu_resumes_on_any_number_of_threads_to_equal_bits() {
    let data = mnist();
    for (layers, optimizer) in [("784,30x10,10", Optimizer::Sgd), ("784,256,128,100,10", Optimizer::Adam)] {
        let settings = changed(Settings::notebook(), |s| {
            s.network.layers = layers.parse().unwrap();
            s.optimization.rule = UpdateRule::of(optimizer);
            s.optimization.lr = 0.01;
            s.optimization.steps = Some(4);
            s.placement.device = DeviceChoice::Cpu;
        });
        let start = Parameters::normal(&settings.network.build().unwrap(), 8);
        let train = |threads, steps, start: Start| {
            on_threads(threads, || {
                let mut trainer = Trainer::new(&settings, data, start).unwrap();
                trainer.train(steps, |_| ()).unwrap();
                let memory = trainer.memory();
                assert_eq!(memory.planned, memory.counted);
                let snapshot = trainer.snapshot().unwrap();
                let moments = snapshot.moments.iter().map(Parameters::sha256).collect::<Vec<_>>();
                ((snapshot.parameters.sha256(), moments, snapshot.progress.slices), snapshot)
            })
        };
        for (threads, others) in [(1, 3), (2, 1), (3, 2), (3, 7)] {
            let (whole, _) = train(threads, 4, Start::from(&start));
            let (_, half) = train(threads, 2, Start::from(&start));
            let (resumed, _) = train(others, 2, Start::from(&half));
            for wrong in [0, usize::MAX] {
                train(others, 2, Start { slices: Some(wrong), ..Start::from(&half) });
            }
            assert_eq!(whole, resumed, "{layers}, {threads} threads and then {others}");
            // Otherwise the test would show nothing.
            assert_ne!(train(others, 4, Start::from(&start)).0.0, whole.0, "{layers}");
        }
    }
}

/// Covers layers whose gradients are in one group and in several, layers whose outputs threads split, and slices with several
/// threads each.
#[test]
fn cpu_bits_do_not_depend_on_n_on_any_number_of_threads() {
    for (layers, parts) in
        [("784,30x50,10", 1), ("784,30x50,10", 2), ("784,256,128,100,10", 1), ("784,256,128,100,10", 5)]
    {
        let slices = |threads: usize| threads.min(100 / parts / 16);
        let mut by_slices = BTreeMap::new();
        for threads in [1, 2, 3, 6] {
            let [all, some] = [0, 3].map(|every| on_threads(threads, || trained(layers, parts, every)));
            let what = format!("{layers} in {parts} parts on {threads} threads");
            assert_eq!(all.0, some.0, "{what}");
            for (_, memory) in [&all, &some] {
                assert_eq!(memory.planned, memory.counted, "{what}");
                let parameters = if parts > 1 { memory.counted[Category::Parameters] } else { 0 };
                // Each slice has at most 64 KiB of sums; a single slice has none.
                let of_slices = memory.counted[Category::Gradients] - parameters;
                assert!(of_slices <= slices(threads) as u64 * 65_536, "{what}");
                assert_eq!(of_slices > 0, slices(threads) > 1, "{what}");
            }
            // The order of sums depends on the number of slices, not on the threads of each.
            assert_eq!(by_slices.entry(slices(threads)).or_insert(all.0.clone()), &all.0, "{what}");
        }
    }
}
