//! Times planning for chains of uneven widths.
//!
//! `cargo bench --bench plan` prints one row per chain and strategy: median and range over rounds, in milliseconds, the size
//! of the pool, and recomputation as a share of a forward pass. Every round plans anew.

use std::time::Instant;

use ckpt_gpu::Error;
use ckpt_gpu::config::Widths;
use ckpt_gpu::model::{Activation, Loss, Network};
use ckpt_gpu::plan::{Chain, PoolLimits};
use ckpt_gpu::strategy::Strategy;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const LAYERS: [usize; 3] = [50, 200, 1000];
/// Budgets are the bytes of store-all divided by these.
const DIVISORS: [u64; 3] = [2, 8, 32];
const BATCH: usize = 100;
const ROUNDS: usize = 5;

fn main() -> Result<(), Error> {
    println!(
        "{:>6}  {:<12} {:>9}  {:<22} {:>9} {:>11}",
        "layers", "strategy", "median", "range, ms per plan", "MiB", "recomputed"
    );
    for layers in LAYERS {
        let chain = uneven(layers)?;
        let all = Strategy::StoreAll.plan(&chain, PoolLimits::default(), 0)?.pool_bytes();
        let budgets = DIVISORS.map(|divisor| (format!("all / {divisor}"), Strategy::Budget(all / divisor)));
        let others = [Strategy::StoreAll, Strategy::EveryAuto].map(|other| (other.to_string(), other));
        for (name, strategy) in others.into_iter().chain(budgets) {
            row(&chain, &name, strategy)?;
        }
    }
    Ok(())
}

fn row(chain: &Chain, name: &str, strategy: Strategy) -> Result<(), Error> {
    let mut times = Vec::new();
    let mut found = None;
    // The first round warms up caches.
    for round in 0..=ROUNDS {
        let started = Instant::now();
        let plan = strategy.plan(chain, PoolLimits::default(), 0);
        if round > 0 {
            times.push(1e3 * started.elapsed().as_secs_f64());
        }
        found = Some(plan);
    }
    times.sort_by(f64::total_cmp);
    let range = format!("{:.2} to {:.2}", times[0], times[ROUNDS - 1]);
    print!("{:>6}  {name:<12} {:>9.2}  {range:<22} ", chain.layers(), times[ROUNDS / 2]);
    match found {
        Some(Ok(plan)) => {
            let predicted = &plan.prediction;
            let share = 100.0 * predicted.recomputed_flops as f64 / predicted.forward_flops as f64;
            println!("{:>9.2} {share:>9.1} %", plan.pool_bytes() as f64 / f64::from(1 << 20));
        }
        Some(Err(Error::OverBudget { least, .. })) => {
            println!("none: at least {:.2} MiB", least as f64 / f64::from(1 << 20));
        }
        Some(Err(error)) => return Err(error),
        None => {}
    }
    Ok(())
}

/// A chain of `layers` layers of random widths from 8 to 128, the same in every run.
fn uneven(layers: usize) -> Result<Chain, Error> {
    let mut random = ChaCha8Rng::seed_from_u64(layers as u64);
    let widths = Widths((0..=layers).map(|_| random.random_range(8..=128)).collect());
    Chain::of(&Network::new(&widths.0, Activation::Sigmoid, Loss::Quadratic)?, BATCH)
}
