use crate::device::Accumulation;
use crate::plan::SlotId;

/// What the executor asks for, to be done by every slice of the batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Work {
    /// Begins a micro-batch: gathers its inputs and labels.
    Begin {
        /// Where its rows are among those recorded.
        rows: usize,
        /// How many of them count.
        new: usize,
        accumulation: Accumulation,
    },
    Forward {
        layer: usize,
        input: SlotId,
        output: SlotId,
    },
    Loss {
        output: SlotId,
        delta: SlotId,
    },
    Backward {
        layer: usize,
        state: SlotId,
        delta: SlotId,
        below: Option<SlotId>,
    },
    Score {
        output: SlotId,
    },
}
