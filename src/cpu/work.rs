use crate::device::Accumulation;
use crate::execute::Work;
use crate::model::StepParams;
use crate::plan::{Op, SlotId, Value};
use crate::{Error, Result};

/// An entry of the queue that every slice of the batch runs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Queued {
    /// Starts a micro-batch: gathers its inputs and targets.
    Begin(MicroBatch),
    /// Computes the output of a layer.
    Forward { layer: usize, input: SlotId, output: SlotId },
    /// Computes the last layer's delta, and adds to the pass's loss.
    Loss { output: SlotId, delta: SlotId },
    /// Computes the delta below a layer, if there is one, and the layer's gradients.
    Backward { layer: usize, state: SlotId, delta: SlotId, below: Option<SlotId> },
    /// Counts correct predictions, and adds to the pass's loss.
    Score { output: SlotId },
    /// Updates all parameters by the accumulated gradients, scaled down to the bound on their global norm.
    Clip,
}

impl Queued {
    /// The entry for `work` on a network of `layers` layers, each of which runs by itself.
    ///
    /// # Errors
    /// [`crate::Error::Internal`] for several layers in one action, or for work without its operands.
    pub fn of(work: Work, layers: usize) -> Result<Self> {
        let (state, delta) = (|index| work.slot(Value::State(index)), |index| work.slot(Value::Delta(index)));
        Ok(match work.op {
            Op::Forward(run) | Op::Recompute(run) => {
                let layer = run.alone()?;
                Queued::Forward { layer, input: state(layer)?, output: state(layer + 1)? }
            }
            Op::Loss => Queued::Loss { output: state(layers)?, delta: delta(layers - 1)? },
            Op::Backward(run) => {
                let layer = run.alone()?;
                let below = layer.checked_sub(1).map(delta).transpose()?;
                Queued::Backward { layer, state: state(layer)?, delta: delta(layer)?, below }
            }
            Op::ForwardBackward(_) => {
                return Err(Error::internal(format!("{} on the CPU, which runs one layer each", work.op)));
            }
            Op::Score => Queued::Score { output: state(layers)? },
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct MicroBatch {
    /// Position of its first sample among the queued samples.
    pub rows: usize,
    /// Number of its samples, from the first, that count in metrics.
    pub new: usize,
    pub accumulation: Accumulation,
    /// Its index in the pass.
    pub index: u32,
    /// Place of its first sample in the mini-batch.
    pub place: usize,
    pub step_params: StepParams,
}
