//! Plans a chain of other people's layers: all the planner needs is bytes and costs, which may be measured times.
//!
//! `cargo run --release --example plan_a_chain`

use ckpt_gpu::plan::{Chain, PoolLimits};
use ckpt_gpu::simulate::simulate;
use ckpt_gpu::strategy::Strategy;
use ckpt_gpu::strategy::budget::Solver;

fn main() -> ckpt_gpu::Result<()> {
    // An encoder that narrows and a decoder that widens again, in MiB a state and microseconds a layer.
    let mib = [32, 32, 16, 16, 8, 8, 4, 4, 8, 8, 16, 16, 32, 32];
    let microseconds = [410, 230, 200, 110, 95, 60, 50, 60, 100, 110, 210, 220, 400];
    let state_bytes: Vec<u64> = mib.iter().map(|mib| mib << 20).collect();
    let chain = Chain {
        delta_bytes: state_bytes[1..].to_vec(),
        state_bytes,
        forward_flops: microseconds.to_vec(),
        fusible: Vec::new(),
    };

    let limits = PoolLimits::default();
    let store_all = Strategy::StoreAll.plan(&chain, limits, 0)?;
    println!("storing everything takes {} MiB", store_all.pool_bytes() >> 20);

    let mut solver = Solver::new(&chain, limits)?;
    println!("the least that will do is {} MiB\n", solver.least()? >> 20);
    for plan in solver.frontier(10)? {
        simulate(&plan)?;
        let prediction = &plan.prediction;
        println!(
            "{:>4} MiB: {:>2} layers run again, {:>4} of {} µs",
            plan.pool_bytes() >> 20,
            prediction.recomputed_layers,
            prediction.recomputed_flops,
            prediction.forward_flops
        );
    }

    let budget = 128 << 20;
    let plan = Strategy::Budget(budget).plan(&chain, limits, 0)?;
    println!("\nin 128 MiB:");
    for action in plan.step.iter().filter(|action| !action.is_release()) {
        println!("  {action}");
    }
    Ok(())
}
