//! Times training steps of the notebook's networks and of wide ones, on the CPU backend and the first adapter of each kind.
//!
//! `cargo bench --bench step` prints one row per network, device and n: median and range over rounds, in milliseconds. Rounds
//! of a network's rows alternate, so that a change in the machine's speed affects all of them.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use ckpt_gpu::config::{DeviceChoice, Settings};
use ckpt_gpu::data::Dataset;
use ckpt_gpu::model::Parameters;
use ckpt_gpu::strategy::Strategy;
use ckpt_gpu::train::{Machine, Trainer};
use ckpt_gpu::{Error, Setting};

struct Work {
    layers: &'static str,
    batch: usize,
    every: &'static [usize],
    devices: &'static [DeviceChoice],
    /// Steps per round.
    steps: u32,
}

const ALL: &[DeviceChoice] = &[DeviceChoice::Cpu, DeviceChoice::Gpu, DeviceChoice::Software];
const WORKS: [Work; 5] = [
    Work { layers: "784,100,10", batch: 100, every: &[0], devices: ALL, steps: 60 },
    Work { layers: "784,30x6,10", batch: 100, every: &[0, 2, 4], devices: ALL, steps: 60 },
    Work { layers: "784,30x50,10", batch: 100, every: &[0, 2, 4, 10], devices: ALL, steps: 60 },
    Work { layers: "784,256x8,10", batch: 512, every: &[0, 2, 4], devices: ALL, steps: 10 },
    // A CPU would take minutes per step.
    Work {
        layers: "784,4096x48,10",
        batch: 4096,
        every: &[0, 4, 7],
        devices: &[DeviceChoice::Gpu],
        steps: 3,
    },
];
const ROUNDS: usize = 7;

fn main() -> Result<(), Error> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/mnist.npz");
    let data = Arc::new(Dataset::load(&path)?);
    println!("{:<14} {:<28} {:>5} {:>9}  range, ms per step", "network", "device", "every", "median");
    for work in WORKS {
        let Work { layers, steps, .. } = work;
        let mut rows = Vec::new();
        for &device in work.devices {
            for &every in work.every {
                match trainer(&work, device, every, &data) {
                    Ok(trainer) => rows.push((every, trainer, Vec::new())),
                    Err(Error::NoDevice { wanted, .. }) => {
                        println!("{layers:<14} not run: no device for {wanted}");
                        break;
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        for round in 0..=ROUNDS {
            for (_, trainer, times) in &mut rows {
                let started = Instant::now();
                trainer.train(steps.into(), |_| ())?;
                let milliseconds = 1e3 * started.elapsed().as_secs_f64() / f64::from(steps);
                // The first round warms up caches.
                if round > 0 {
                    times.push(milliseconds);
                }
            }
        }
        for (every, trainer, times) in &mut rows {
            times.sort_by(f64::total_cmp);
            let device = trainer.device().name;
            let (median, first, last) = (times[ROUNDS / 2], times[0], times[ROUNDS - 1]);
            println!("{layers:<14} {device:<28.28} {every:>5} {median:>9.3}  {first:.3} to {last:.3}");
        }
    }
    Ok(())
}

fn trainer(work: &Work, device: DeviceChoice, every: usize, data: &Arc<Dataset>) -> Result<Trainer, Error> {
    let mut settings = Settings::notebook();
    settings.network.layers =
        work.layers.parse().map_err(|problem: String| Error::usage(Setting::Layers, problem))?;
    settings.batching.batch = work.batch;
    settings.placement.strategy = Strategy::EveryN(every);
    settings.optimization.shuffle = false;
    settings.placement.device = device;
    // The widest network has 3 GiB of parameters, which are made only if the device exists.
    let machine = Machine::find(device)?.machine;
    let start = Parameters::normal(&settings.network.build()?, 0);
    Trainer::on(&machine, &settings, data, &start)
}
