use super::DriverMemory;
use crate::Result;
use crate::plan::SlotId;

/// What can be observed of a device from outside: the values it holds, and the objects it has made.
pub trait Inspect {
    /// Reads the first `elements` elements of `slot`, after all work so far. A training step reads no slot.
    ///
    /// # Errors
    /// [`crate::Error::DeviceLost`], and those of the work so far; [`crate::Error::Internal`] for slot 0 without
    /// [inputs](Inspect::holds_inputs).
    fn read_slot(&mut self, slot: SlotId, elements: usize) -> Result<Vec<f32>>;

    /// `false` if layer 0 reads the dataset itself: then slot 0 has no buffer.
    fn holds_inputs(&self) -> bool {
        true
    }

    /// Dispatches of the last step; `None` before the first, and on the CPU.
    fn dispatches_a_step(&self) -> Option<u64> {
        None
    }

    /// Buffers, bind groups and pipelines made so far.
    fn objects_made(&self) -> u64;

    /// The driver's own account of its memory, if it keeps one.
    fn driver_memory(&self) -> Option<DriverMemory> {
        None
    }
}
