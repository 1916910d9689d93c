//! The CPU backend: the same plans, on host memory that the ledger counts as device memory.
//!
//! Each kernel has a file, named like its twin in `shaders/`. A thread takes a
//! slice of the batch through all layers, so that its operands stay in its core's cache.

mod activation;
mod backend;
mod delta;
mod dropout;
mod exponential;
mod faults;
mod forward;
mod gradient;
mod layer_state;
mod loss;
mod matrix;
mod normal;
mod normalise;
mod normalise_delta;
mod partials;
mod partition;
mod product;
mod score;
mod sine;
mod slice;
mod steps;
mod target;
mod team;
mod update;
mod work;
mod zeros;

pub use backend::Cpu;
pub use target::{Footprint, footprint, pool_limits};
pub use team::start_threads;

use crate::device::DeviceInfo;
use crate::words::counted;

/// The host's processor, with all threads of the pool.
pub fn info() -> DeviceInfo {
    info_of(rayon::current_num_threads())
}

/// The host's processor by its name, or else its architecture. In place of a driver it has the number of threads, on which
/// the order of some sums depends.
fn info_of(threads: usize) -> DeviceInfo {
    let information = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = information.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let name = model.map_or_else(|| std::env::consts::ARCH.to_owned(), |(_, name)| name.trim().to_owned());
    let driver = counted(threads, "thread");
    DeviceInfo { name, kind: "cpu", backend: "cpu".to_owned(), driver }
}
