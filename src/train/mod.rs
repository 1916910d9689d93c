//! Training: epochs, metrics, and what became of the memory.

mod memory;
mod open;
mod trainer;

pub use memory::MemoryReport;
pub use open::{Opened, open};
pub use trainer::{Epoch, Trainer};
