use crate::Result;
use crate::cpu;
use crate::device::{DatasetPlacement, DeviceLimits, Task};
use crate::gpu;
use crate::memory::ByCategory;
use crate::plan::{Chain, PoolLimits};

/// The kind of device to plan for. The device itself need not be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// The CPU backend.
    Cpu,
    /// A GPU.
    Gpu(DeviceLimits),
}

/// What a task takes on a target beside the plan's pool: planned once, and allocated as planned.
#[derive(Debug, Clone, PartialEq)]
pub struct Footprint(pub(super) BackendFootprint);

#[derive(Debug, Clone, PartialEq)]
pub(super) enum BackendFootprint {
    Cpu(cpu::Footprint),
    Gpu(Box<gpu::Footprint>),
}

impl Target {
    /// Limits of the pool's buffers for `chain`, adapted to this target, in micro-batches of `rows` samples.
    pub fn pool_limits(self, chain: &Chain, rows: usize) -> PoolLimits {
        match self {
            Target::Cpu => cpu::pool_limits(rows),
            // Kernels of thin layers bind a buffer once for many values.
            Target::Gpu(limits) => PoolLimits { joined: !chain.row_bytes.is_empty(), ..limits.pool() },
        }
    }

    /// `chain`, the layers of `task`, as this target runs them.
    pub(super) fn adapt(self, chain: Chain, task: &Task) -> Chain {
        match self {
            Target::Cpu => chain,
            Target::Gpu(limits) => gpu::with_thin_layers(chain, task, limits),
        }
    }

    /// Checks that kernels can read the states and weights of `task`.
    ///
    /// # Errors
    /// [`crate::Error::DoesNotFit`] for the first that they cannot.
    pub(super) fn check_bindings(self, task: &Task, chain: &Chain) -> Result<()> {
        match self {
            Target::Cpu => Ok(()),
            Target::Gpu(limits) => gpu::check_bindings(task, chain, limits),
        }
    }

    /// The footprints of `task` for each place of its dataset that `placement` allows, preferred place first.
    ///
    /// # Errors
    /// [`crate::Error::Usage`] and [`crate::Error::DoesNotFit`] if there is none.
    pub(super) fn footprints(self, task: &Task, placement: DatasetPlacement) -> Result<Vec<Footprint>> {
        let footprints = match self {
            Target::Cpu => vec![BackendFootprint::Cpu(cpu::footprint(task, placement)?)],
            Target::Gpu(limits) => {
                let footprints = gpu::footprints(task, placement, limits)?.into_iter();
                footprints.map(|footprint| BackendFootprint::Gpu(Box::new(footprint))).collect()
            }
        };
        Ok(footprints.into_iter().map(Footprint).collect())
    }
}

impl Footprint {
    /// Bytes of all buffers outside the pool, by category.
    pub fn bytes(&self) -> ByCategory {
        match &self.0 {
            BackendFootprint::Cpu(footprint) => footprint.bytes(),
            BackendFootprint::Gpu(footprint) => footprint.bytes(),
        }
    }

    /// `true` if the dataset is resident on the device.
    pub fn has_dataset(&self) -> bool {
        match &self.0 {
            BackendFootprint::Cpu(_) => false,
            BackendFootprint::Gpu(footprint) => footprint.has_dataset(),
        }
    }
}
