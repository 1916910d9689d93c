//! Plans a chain of other people's layers: all the planner needs is bytes and costs, which may be measured times. No device and
//! no network is involved; whoever has layers of another kind runs them by the actions of the plan.
//!
//! It prints what keeping everything takes, the least recomputation for every amount of memory, beside what the best
//! every-n-th checkpointing does, and the actions of one plan.
//!
//! ```console
//! $ cargo run --release --example plan_a_chain
//! everything kept: 232 MiB,  0 layers run again in    0 µs, beside 2255 µs of one forward sweep
//! every-6: 104 MiB, 10 layers run again in 1575 µs, beside 2255 µs of one forward sweep
//!
//! least memory, least recomputation:
//!    96 MiB, 17 layers run again in 2610 µs, beside 2255 µs of one forward sweep
//!   104 MiB,  9 layers run again in 1525 µs, beside 2255 µs of one forward sweep
//! ...
//! ```

use ckpt_gpu::Result;
use ckpt_gpu::memory::ByCategory;
use ckpt_gpu::plan::{Chain, Plan, PoolLimits};
use ckpt_gpu::simulate::simulate;
use ckpt_gpu::strategy::Strategy;
use ckpt_gpu::strategy::budget::Solver;

const BUDGET_MIB: u64 = 128;

fn main() -> Result<()> {
    run().map(|_| ())
}

/// The plan within the budget.
pub fn run() -> Result<Plan> {
    // An encoder that narrows and a decoder that widens again: 14 states between and around 13 layers.
    let mib = [32, 32, 16, 16, 8, 8, 4, 4, 8, 8, 16, 16, 32, 32];
    let microseconds = [410, 230, 200, 110, 95, 60, 50, 60, 100, 110, 210, 220, 400];
    let state_bytes: Vec<u64> = mib.iter().map(|mib| mib << 20).collect();
    let chain = Chain {
        // The gradient of what a layer makes is as large as that.
        delta_bytes: state_bytes[1..].to_vec(),
        state_bytes,
        forward_flops: microseconds.to_vec(),
        fusible: Vec::new(),
        row_bytes: Vec::new(),
    };
    // Nothing is beside the pool, and buffers may be of any size.
    let plan = |strategy: Strategy| strategy.plan(&chain, PoolLimits::default(), 0);

    println!("everything kept: {}", summary(&plan(Strategy::StoreAll)?));
    let every = Strategy::EveryAuto.resolved(&chain);
    println!("{every}: {}\n", summary(&plan(every)?));

    let mut solver = Solver::new(&chain, PoolLimits::default())?;
    println!("least memory, least recomputation:");
    for plan in solver.frontier(10)? {
        println!("  {}", summary(&plan));
    }

    let plan = plan(Strategy::Budget(BUDGET_MIB << 20))?;
    // Refuses a plan that reads what is not there, or that holds more than it says.
    simulate(&plan)?;
    println!("\nthe actions within {BUDGET_MIB} MiB, and the live bytes after each:");
    let live = plan.prediction.step_live.iter().map(ByCategory::total);
    for (action, live) in plan.step.iter().zip(live).filter(|(action, _)| !action.is_release()) {
        println!("  {:>4} MiB  {action}", live >> 20);
    }
    Ok(plan)
}

fn summary(plan: &Plan) -> String {
    let predicted = &plan.prediction;
    format!(
        "{:>3} MiB, {:>2} layers run again in {:>4} µs, beside {} µs of one forward sweep",
        plan.pool_bytes() >> 20,
        predicted.recomputed_layers,
        predicted.recomputed_flops,
        predicted.forward_flops,
    )
}
