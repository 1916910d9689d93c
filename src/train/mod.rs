//! Training: epochs, metrics, and what became of the memory.

mod comparison;
mod memory;
mod open;
mod planner;
mod timed;
mod trainer;
mod verify;

pub use comparison::{Comparison, Contender, Turn};
pub use memory::MemoryReport;
pub use open::Machine;
pub use planner::{Planned, Target};
pub use trainer::{Epoch, Trainer, task};
pub use verify::{Verified, Verifier};
