use crate::plan::SlotId;

/// What the executor asks for, to be done by every slice of the batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Work {
    /// Takes the inputs and labels from the dataset.
    Gather,
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
