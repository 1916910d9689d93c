//! The pool's buffers, and how kernels bind them.

use wgpu::BufferBinding;

use crate::Result;
use crate::gpu::device::{Buffer, OpenDevice};
use crate::plan::{Plan, SlotId};

/// The blocks of a plan's pool, without block 0, which holds the batch.
pub struct Pool(Vec<Buffer>);

/// A pool with its plan and the buffer of the batch, for binding.
#[derive(Clone, Copy)]
pub struct Slots<'a> {
    pub plan: &'a Plan,
    pub pool: &'a Pool,
    pub inputs: &'a Buffer,
    /// Size of the largest binding, in bytes.
    pub binding_bytes: u64,
}

/// One binding of many slots.
pub struct Window<'a> {
    pub binding: BufferBinding<'a>,
    /// Its offset in the buffer, in values.
    pub from: u32,
}

impl Pool {
    /// Allocates the blocks of `plan`.
    ///
    /// # Errors
    /// [`crate::Error::DoesNotFit`] if device memory is exhausted, or if a slot is larger than a binding.
    pub fn new(device: &OpenDevice, plan: &Plan) -> Result<Self> {
        let mut largest_slot = vec![0; plan.blocks.len()];
        for slot in &plan.slots {
            largest_slot[slot.block] = slot.bytes.max(largest_slot[slot.block]);
        }
        let blocks = plan.blocks.iter().zip(largest_slot).enumerate().skip(1);
        let blocks =
            blocks.map(|(index, (block, slot))| device.block(&format!("block {index}"), block, slot));
        Ok(Pool(blocks.collect::<Result<_>>()?))
    }

    /// The buffer of `block`, given that of block 0.
    pub fn buffer<'a>(&'a self, block: usize, inputs: &'a Buffer) -> &'a Buffer {
        block.checked_sub(1).map_or(inputs, |block| &self.0[block])
    }
}

impl<'a> Slots<'a> {
    /// Binding of one slot.
    pub fn slot(self, slot: SlotId) -> BufferBinding<'a> {
        let slot = &self.plan.slots[slot];
        self.pool.buffer(slot.block, self.inputs).range(slot.offset, slot.bytes)
    }

    /// One binding of all `slots`; `None` if they lie in different buffers, or too far apart.
    pub fn window(self, slots: impl Iterator<Item = SlotId> + Clone) -> Option<Window<'a>> {
        let slots = slots.map(|slot| &self.plan.slots[slot]);
        let block = slots.clone().next()?.block;
        let start = slots.clone().map(|slot| slot.offset).min()?;
        let end = slots.clone().map(|slot| slot.offset + slot.bytes).max()?;
        let is_one = slots.clone().all(|slot| slot.block == block) && end - start <= self.binding_bytes;
        let binding = || self.pool.buffer(block, self.inputs).range(start, end - start);
        is_one.then(|| Window { binding: binding(), from: (start / 4) as u32 })
    }
}
