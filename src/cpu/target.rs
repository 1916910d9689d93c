//! What a planner asks of the CPU backend, before anything is allocated.

use super::partition::Partition;
use crate::device::{DatasetPlacement, Task};
use crate::memory::{ByCategory, Category};
use crate::plan::PoolLimits;
use crate::{Error, Result, Setting};

/// What a task takes on the CPU backend beside the plan's pool.
#[derive(Debug, Clone, PartialEq)]
pub struct Footprint {
    pub(super) partition: Partition,
    bytes: ByCategory,
}

impl Footprint {
    /// The footprint of `task`, with as many threads as the current pool has.
    pub fn new(task: &Task) -> Self {
        let partition = Partition::of(task);
        let parameters = 4 * task.network.parameter_count();
        let gradients = if task.keeps_gradients() { parameters } else { 0 };
        let words = (task.network.features() + task.data.train.target_words) as u64;
        let best = if task.keeps_best { parameters } else { 0 };
        let tensors = [
            (Category::Parameters, parameters + best),
            (Category::Optimizer, parameters * task.rule.moments() as u64),
            (Category::Gradients, gradients),
            (Category::Batch, 4 * task.micro_batch as u64 * words),
        ];
        let bytes = tensors.into_iter().chain(partition.bytes().iter()).collect();
        Footprint { partition, bytes }
    }

    /// Bytes of all buffers outside the pool, by category.
    pub fn bytes(&self) -> ByCategory {
        self.bytes
    }
}

/// Limits of the pool for micro-batches of `rows` samples: each slice of the batch takes its rows of whole columns.
pub fn pool_limits(rows: usize) -> PoolLimits {
    PoolLimits { alignment: column_bytes(rows), block_multiple: column_bytes(rows), ..PoolLimits::default() }
}

/// The footprint of `task` with its dataset where `placement` asks for it: the backend reads samples from host memory.
///
/// # Errors
/// [`Error::Usage`] for a dataset on the device.
pub fn footprint(task: &Task, placement: DatasetPlacement) -> Result<Footprint> {
    if placement == DatasetPlacement::Device {
        return Err(Error::usage(
            Setting::Dataset,
            "found device, expected auto or host: \
             the cpu backend reads the data where it lies in host memory",
        ));
    }
    Ok(Footprint::new(task))
}

/// Bytes of a column of `rows` elements.
pub(super) fn column_bytes(rows: usize) -> u64 {
    4 * rows as u64
}
