//! Time per training step of the notebook's networks, on the CPU backend and on the first adapter of each kind.
//!
//! `cargo bench` prints one row a network, device and n: the median of several rounds and their range, in
//! milliseconds. The rounds of all rows of a network alternate, so that a machine that slows down slows them all.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use ckpt_gpu::Error;
use ckpt_gpu::config::{DeviceChoice, Settings};
use ckpt_gpu::data::Dataset;
use ckpt_gpu::model::Parameters;
use ckpt_gpu::strategy::Strategy;
use ckpt_gpu::train::Trainer;

const NETWORKS: [(&str, &[usize]); 3] =
    [("784,100,10", &[0]), ("784,30x6,10", &[0, 2, 4]), ("784,30x50,10", &[0, 2, 4, 10])];
const DEVICES: [DeviceChoice; 3] = [DeviceChoice::Cpu, DeviceChoice::Gpu, DeviceChoice::Software];
const ROUNDS: usize = 7;
const STEPS: u32 = 60;

fn main() -> Result<(), Error> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/mnist.npz");
    let data = Arc::new(Dataset::load(&path)?);
    println!("{:<14} {:<28} {:>5} {:>9}  range, ms a step", "network", "device", "every", "median");
    for (layers, choices) in NETWORKS {
        let mut rows = Vec::new();
        for device in DEVICES {
            for &every in choices {
                match trainer(layers, device, every, &data) {
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
                trainer.train(STEPS.into(), |_| ())?;
                let milliseconds = 1e3 * started.elapsed().as_secs_f64() / f64::from(STEPS);
                // The first round warms caches up.
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

fn trainer(layers: &str, device: DeviceChoice, every: usize, data: &Arc<Dataset>) -> Result<Trainer, Error> {
    let settings = Settings {
        layers: layers.parse().map_err(|problem: String| Error::usage("layers", problem))?,
        strategy: Strategy::EveryN(every),
        shuffle: false,
        device,
        ..Settings::default()
    };
    let start = Parameters::normal(&settings.network()?, 0);
    Trainer::new(&settings, data, &start)
}
