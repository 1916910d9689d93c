//! Training: epochs, metrics, and what became of the memory.

mod device;
mod job;
mod memory;
mod open;
mod trainer;

pub use device::{Device, DeviceInfo, DriverMemory, Metrics};
pub use job::Job;
pub use memory::MemoryReport;
pub use open::open;
pub use trainer::{Epoch, Trainer};
