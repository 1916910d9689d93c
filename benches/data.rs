//! Times reading the data, shuffling an epoch, and gathering its mini-batches on the host.
//!
//! `cargo bench --bench data` prints one row per job: median and range over rounds, in milliseconds, and the rate in MiB of
//! f32 samples per second.

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use ckpt_gpu::Error;
use ckpt_gpu::data::{BatchCursor, Dataset, Pass, shuffle};

const BATCHES: [usize; 3] = [100, 512, 4096];
const ROUNDS: usize = 7;

fn main() -> Result<(), Error> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/mnist.npz");
    println!("{:<38} {:>9}  {:<20} {:>7}", "", "median", "range, ms", "MiB/s");
    let data = Arc::new(Dataset::load(&path)?);
    let (samples, features) = (data.train.len(), data.train.features());
    let all = samples + data.test.len();
    row("read both splits from the npz", all * features, || Dataset::load(&path).map(drop))?;

    let mut order = Vec::new();
    row("shuffle an epoch", samples, || {
        shuffle(0, black_box(1), samples as u32, &mut order);
        Ok(())
    })?;
    for batch in BATCHES {
        let mut cursor = BatchCursor::new(Arc::clone(&data));
        let (mut inputs, mut labels) = (vec![0.0; batch * features], vec![0; batch]);
        for (way, pass) in [("in order", Pass::InOrder), ("shuffled", Pass::Shuffled(&order))] {
            row(&format!("gather an epoch by {batch}, {way}"), samples * features, || {
                cursor.begin(pass, 0);
                for _ in 0..samples / batch {
                    let samples = cursor.next(batch);
                    samples.split.gather(samples.rows, &mut inputs);
                    samples.split.gather_targets(samples.rows, &mut labels);
                    black_box((&inputs, &labels));
                }
                Ok(())
            })?;
        }
    }
    Ok(())
}

/// Times `job`, which makes or moves `numbers` numbers of four bytes.
fn row(name: &str, numbers: usize, mut job: impl FnMut() -> Result<(), Error>) -> Result<(), Error> {
    let mut times = Vec::new();
    // The first round warms up caches.
    for round in 0..=ROUNDS {
        let started = Instant::now();
        job()?;
        if round > 0 {
            times.push(1e3 * started.elapsed().as_secs_f64());
        }
    }
    times.sort_by(f64::total_cmp);
    let (median, range) = (times[ROUNDS / 2], format!("{:.2} to {:.2}", times[0], times[ROUNDS - 1]));
    let rate = 4.0 * numbers as f64 / f64::from(1 << 20) / (1e-3 * median);
    println!("{name:<38} {median:>9.2}  {range:<20} {rate:>7.0}");
    Ok(())
}
