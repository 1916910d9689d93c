use crate::device::Accumulation;
use crate::model::StepParams;
use crate::plan::SlotId;

/// What the executor asks for, to be done by every slice of the batch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Work {
    /// Begins a micro-batch: gathers its inputs and labels.
    Begin {
        /// Where its rows are among those recorded.
        rows: usize,
        /// How many of them count.
        new: usize,
        accumulation: Accumulation,
        /// Which one of the pass's it is.
        batch: u32,
        step_params: StepParams,
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
    /// Moves all parameters by gradients that are kept, scaled so that their norm is not too large.
    Clip,
}
