//! Training: epochs, metrics, and what became of the memory.

mod memory;
mod open;
mod planner;
mod trainer;
mod verify;

pub use memory::MemoryReport;
pub use open::Machine;
pub use planner::{Planned, Target};
pub use trainer::{Epoch, Trainer, task};
pub use verify::{Verified, Verifier};
