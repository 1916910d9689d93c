//! The pool's buffers, and how kernels bind them.

use wgpu::BufferBinding;

use crate::gpu::device::{Buffer, OpenDevice};
use crate::memory::{ByCategory, Category};
use crate::plan::{Plan, Slot, SlotId};
use crate::{Error, Result};

/// Alignment of bindings, in bytes.
const ALIGNMENT: u64 = 256;

/// The buffers that hold a plan's blocks, the batch's among them.
pub struct Pool {
    buffers: Vec<Buffer>,
    placement: Placement,
}

/// Which buffer holds a block, and where. Block 0 is the batch.
#[derive(Debug, Clone, Copy)]
pub enum Placement {
    /// Each block has a buffer of its own.
    Apart,
    /// Block 1 follows the batch in one buffer, at this offset.
    Together(u64),
    /// There is no batch, as layer 0 reads the dataset.
    WithoutBatch,
}

impl Placement {
    /// Where the blocks of `plan` lie, of which the batch takes so many bytes, if there is one. Kernels of thin layers bind all states at once,
    /// so if layer 0 is thin, the batch shares a buffer of at most `most` bytes with the pool.
    pub fn of(plan: &Plan, batch: u64, is_first_layer_thin: bool, most: u64) -> Self {
        let fits = |pool: u64| batch.is_multiple_of(ALIGNMENT) && batch + pool <= most;
        match plan.blocks.get(1) {
            _ if batch == 0 => Placement::WithoutBatch,
            Some(pool) if is_first_layer_thin && fits(pool.bytes) => Placement::Together(batch),
            _ => Placement::Apart,
        }
    }

    /// Number of the buffer that holds `block`, and the block's offset in it; `None` if there is no such block.
    fn locate(self, block: usize) -> Option<(usize, u64)> {
        match (self, block) {
            (Placement::Apart, _) | (Placement::Together(_), 0) => Some((block, 0)),
            (Placement::Together(offset), 1) => Some((0, offset)),
            (Placement::Together(_) | Placement::WithoutBatch, _) => Some((block.checked_sub(1)?, 0)),
        }
    }

    /// Offset of `slot` in its buffer, in bytes; `None` if it is in none.
    pub fn offset(self, slot: &Slot) -> Option<u64> {
        self.locate(slot.block).map(|(_, offset)| offset + slot.offset)
    }
}

/// Bytes of the batch's inputs, if the batch is to share a buffer with the pool.
pub fn padded_inputs(bytes: u64) -> u64 {
    bytes.next_multiple_of(ALIGNMENT)
}

/// A pool with its plan, for binding.
#[derive(Clone, Copy)]
pub struct Slots<'a> {
    pub plan: &'a Plan,
    pub pool: &'a Pool,
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
    /// Allocates the blocks of `plan`, with `inputs` bytes for the batch.
    ///
    /// # Errors
    /// [`crate::Error::DoesNotFit`] if device memory is exhausted, or if a slot is larger than a binding.
    pub fn new(device: &OpenDevice, plan: &Plan, inputs: u64, placement: Placement) -> Result<Self> {
        let mut parts: Vec<Vec<(Category, u64)>> = Vec::new();
        let mut largest_slots: Vec<u64> = Vec::new();
        for (index, block) in plan.blocks.iter().enumerate() {
            let Some((buffer, _)) = placement.locate(index) else { continue };
            parts.resize(parts.len().max(buffer + 1), Vec::new());
            largest_slots.resize(parts.len(), 0);
            match index {
                0 => parts[buffer].push((Category::Batch, inputs)),
                _ => parts[buffer].extend(block.at_peak.iter()),
            }
        }
        for slot in &plan.slots {
            let Some((buffer, _)) = placement.locate(slot.block) else { continue };
            let largest = &mut largest_slots[buffer];
            *largest = slot.bytes.max(*largest);
        }
        let buffers = parts.into_iter().zip(largest_slots).enumerate();
        let buffers = buffers.map(|(buffer, (parts, largest))| {
            let holds = |block: &usize| placement.locate(*block).is_some_and(|(holder, _)| holder == buffer);
            let blocks = (0..plan.blocks.len()).filter(holds);
            let names =
                blocks.map(|block| if block == 0 { "state 0".to_owned() } else { format!("block {block}") });
            let label = names.collect::<Vec<_>>().join(" and ");
            device.block(&label, ByCategory::from_iter(parts), largest)
        });
        Ok(Pool { buffers: buffers.collect::<Result<_>>()?, placement })
    }

    /// The buffer of the batch, whose inputs lie at its start; `None` if there is no batch.
    pub fn batch(&self) -> Option<&Buffer> {
        self.placement.locate(0).map(|(buffer, _)| &self.buffers[buffer])
    }

    /// The buffer that holds `slot`, and the slot's offset in it, in bytes.
    ///
    /// # Errors
    /// [`Error::Internal`] for the batch if there is none.
    pub fn locate(&self, slot: &Slot) -> Result<(&Buffer, u64)> {
        let missing = || Error::internal("the batch is not in memory");
        let (buffer, offset) = self.placement.locate(slot.block).ok_or_else(missing)?;
        Ok((&self.buffers[buffer], offset + slot.offset))
    }
}

impl<'a> Slots<'a> {
    /// Binding of one slot.
    ///
    /// # Errors
    /// As [`Pool::locate`].
    pub fn slot(self, slot: SlotId) -> Result<BufferBinding<'a>> {
        let slot = &self.plan.slots[slot];
        let (buffer, offset) = self.pool.locate(slot)?;
        Ok(buffer.range(offset, slot.bytes))
    }

    /// One binding of all `slots`; `None` if they lie in different buffers, or too far apart.
    pub fn window(self, slots: impl Iterator<Item = SlotId> + Clone) -> Option<Window<'a>> {
        let slots = slots.map(|slot| &self.plan.slots[slot]);
        let places = slots.map(|slot| Some((self.pool.locate(slot).ok()?, slot.bytes)));
        if places.clone().any(|place| place.is_none()) {
            return None;
        }
        let places = places.flatten();
        let ((buffer, _), _) = places.clone().next()?;
        let start = places.clone().map(|((_, offset), _)| offset).min()?;
        let end = places.clone().map(|((_, offset), bytes)| offset + bytes).max()?;
        let is_one = places.clone().all(|((other, _), _)| std::ptr::eq(other, buffer));
        (is_one && end - start <= self.binding_bytes)
            .then(|| Window { binding: buffer.range(start, end - start), from: (start / 4) as u32 })
    }
}
