//! Plans under a budget: replayed, compared with exhaustive search, with known optima, and with every n.

mod chains;
mod common;
mod exhaustive;

use chains::Family;
use ckpt_gpu::plan::PoolLimits;
use ckpt_gpu::strategy::budget::Solver;
use common::Random;

#[test]
fn scratch() {
    let mut random = Random::new(1);
    for family in Family::ALL {
        let mut stats = [0u64; 4];
        let mut pools = [0u64; 4];
        let mut worst = 1.0f64;
        let mut worstp = 1.0f64;
        let mut frag = 1.0f64;
        for layers in 1..=8 {
            for _ in 0..(if family == Family::Random { 40 } else { 1 }) {
                let chain = family.chain(layers, &mut random);
                let sum = chain.forward_flops.iter().sum::<u64>();
                let mut solver = Solver::new(&chain, PoolLimits::default()).unwrap();
                let search = exhaustive::Search::new(&chain);
                let top: u64 = chain.state_bytes[1..].iter().sum::<u64>() + 2 * 16 * 1024;
                for bytes in (1024..=top).step_by(1024) {
                    let expected = search.least_cost(bytes);
                    let found = solver.schedule(bytes).unwrap().map(|s| s.recomputed_flops(&chain));
                    match (expected, found) {
                        (None, None) => {}
                        (Some(e), Some(f)) => {
                            stats[0] += 1;
                            assert!(f >= e);
                            if f == e {
                                stats[1] += 1
                            } else {
                                worst = worst.max((sum + f) as f64 / (sum + e) as f64);
                            }
                        }
                        (Some(_), None) => {
                            stats[0] += 1;
                            stats[2] += 1
                        }
                        (None, Some(_)) => panic!("better than exhaustive"),
                    }
                    let plan = solver.plan(bytes).unwrap();
                    if let Some(p) = &plan {
                        frag = frag.max(p.pool_bytes() as f64 / p.peak_live_bytes() as f64);
                    }
                    match (expected, plan.map(|s| s.prediction.recomputed_flops)) {
                        (None, None) => {}
                        (Some(e), Some(f)) => {
                            pools[0] += 1;
                            if f == e {
                                pools[1] += 1
                            } else {
                                worstp = worstp.max((sum + f) as f64 / (sum + e) as f64);
                            }
                        }
                        (Some(_), None) => {
                            pools[0] += 1;
                            pools[2] += 1
                        }
                        (None, Some(_)) => panic!("better than exhaustive"),
                    }
                }
            }
        }
        println!("{family:?} live {stats:?} {worst:.3} pool {pools:?} {worstp:.3} frag {frag:.3}");
    }
}

#[test]
fn scratch_large() {
    let mut random = Random::new(1);
    for family in Family::ALL {
        for layers in [20, 40, 100, 250] {
            let chain = family.chain(layers, &mut random);
            let started = std::time::Instant::now();
            let mut solver = Solver::new(&chain, PoolLimits::default()).unwrap();
            let top = ckpt_gpu::strategy::Strategy::StoreAll.plan(&chain, PoolLimits::default(), 0).unwrap();
            let least = solver.least().unwrap();
            let t0 = started.elapsed().as_secs_f64();
            let mut worst: Vec<f64> = vec![];
            let mut costs = vec![];
            for k in 0..8 {
                let bytes =
                    (least as f64 * (top.pool_bytes() as f64 / least as f64).powf(k as f64 / 8.0)) as u64;
                let plan = solver.plan(bytes).unwrap().unwrap();
                let live = solver.schedule(bytes).unwrap().unwrap().recomputed_flops(&chain);
                worst.push(plan.pool_bytes() as f64 / plan.peak_live_bytes() as f64);
                costs.push(plan.prediction.recomputed_flops as f64 / live as f64);
            }
            println!(
                "{family:?} {layers}: storeall {:.3} {worst:.3?} costs {costs:.3?} {t0:.2} {:.2}",
                top.pool_bytes() as f64 / top.peak_live_bytes() as f64,
                started.elapsed().as_secs_f64()
            );
        }
    }
}

#[test]
fn scratch_thousand() {
    let mut random = Random::new(1);
    let mut chain = Family::Random.chain(1000, &mut random);
    // widths 8..128
    for k in 0..=1000 {
        chain.state_bytes[k] = 400 * (8 + random.below(121) as u64);
    }
    chain.delta_bytes = chain.state_bytes[1..].to_vec();
    for k in 0..1000 {
        chain.forward_flops[k] = chain.state_bytes[k] / 400 * chain.state_bytes[k + 1] / 400;
    }
    let sum: u64 = chain.forward_flops.iter().sum();
    let mut solver = Solver::new(&chain, PoolLimits::default()).unwrap();
    let top: u64 = chain.state_bytes[1..].iter().sum();
    for k in [64.0, 32.0, 16.0, 8.0, 4.0, 2.0, 1.3] {
        let started = std::time::Instant::now();
        let bytes = (top as f64 / k) as u64;
        let plan = solver.plan(bytes).unwrap();
        let t = started.elapsed().as_secs_f64();
        match plan {
            Some(plan) => println!(
                "1/{k}: {:.4} bound {:.4} live {:.3} pool {:.3} {t:.2}",
                plan.prediction.recomputed_flops as f64 / sum as f64,
                solver.bound(bytes) / sum as f64,
                plan.peak_live_bytes() as f64 / bytes as f64,
                plan.pool_bytes() as f64 / bytes as f64
            ),
            None => println!("1/{k} infeasible"),
        }
    }
}
