use wgpu::BufferBinding;

use crate::device::Task;
use crate::gpu::device::Buffer;
use crate::gpu::kernels::SplitConstants;
use crate::gpu::memory::{Chains, OptimizerState, Setup, Slots, Tensors};
use crate::model::Layer;
use crate::plan::SlotId;
use crate::{Error, Result};

/// Upper bound on the workgroups of kernels that loop over samples or parameters.
pub const MOST_GROUPS: usize = 4096;

/// Binds kernels to the buffers that a plan's actions name.
pub struct Binder<'a> {
    pub setup: &'a mut Setup,
    pub task: &'a Task<'a>,
    pub slots: Slots<'a>,
    pub parameters: &'a Tensors,
    /// `None` without stored gradients and optimizer state.
    pub kept: Option<&'a OptimizerState>,
    /// Thin layers, if there are any.
    pub chains: Option<&'a Chains>,
    pub targets: &'a Buffer,
    /// The resident dataset, if layer 0 reads it rather than a batch gathered from it.
    pub split: Option<SplitConstants>,
    pub metrics: &'a Buffer,
    pub sample_losses: &'a Buffer,
    /// Normalised and activated input of a layer. `None` if all normalised layers are thin.
    pub loaded: Option<&'a Buffer>,
    /// Sums for the gradients of gain and shift. `None` if all layers with a gain are thin.
    pub norm_sums: Option<&'a Buffer>,
}

impl<'a> Binder<'a> {
    pub fn kept(&self) -> Result<&'a OptimizerState> {
        self.kept.ok_or_else(|| Error::internal("no gradient or moment buffers on this device"))
    }

    pub fn slot(&self, slot: SlotId) -> Result<BufferBinding<'a>> {
        self.slots.slot(slot)
    }

    /// The resident dataset, if `layer` reads it.
    pub fn split(&self, layer: usize) -> Option<SplitConstants> {
        self.split.filter(|_| layer == 0)
    }

    pub fn layer(&self, layer: usize) -> Layer {
        self.task.network.layer(layer)
    }
}
