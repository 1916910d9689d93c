use wgpu::BufferBinding;

use super::fusion::Fusion;
use super::setup::Setup;
use super::table::Table;
use crate::Result;
use crate::gpu::device::Buffer;
use crate::memory::Category;

/// Thin layers, and their buffers besides the plan's slots and the parameters.
pub struct Chains {
    pub fusion: Fusion,
    pub table: Buffer,
    /// Gradients of the parts of a micro-batch. `None` for micro-batches of one part.
    pub partials: Option<Buffer>,
    /// What the backward pass keeps for the gradients of normalised layers, if there are any.
    norms: Option<Buffer>,
}

impl Chains {
    pub fn new(setup: &mut Setup, fusion: Fusion, table: &Table) -> Result<Self> {
        let contents = bytemuck::cast_slice(&table.rows);
        let table = setup.filled(Category::Workspace, "layers", contents.len() as u64, contents)?;
        let partials = match fusion.partial_bytes() {
            0 => None,
            bytes => Some(setup.buffer(Category::Gradients, "gradients of parts", bytes)?),
        };
        let norms = match fusion.norm_bytes() {
            0 => None,
            bytes => Some(setup.buffer(Category::Workspace, "normalisation of thin layers", bytes)?),
        };
        Ok(Chains { fusion, table, partials, norms })
    }

    /// The binding of what is kept for the gradients of normalised layers.
    pub fn norms(&self) -> Option<BufferBinding<'_>> {
        self.norms.as_ref().map(Buffer::whole)
    }
}
