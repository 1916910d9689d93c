//! The one interpreter of plans.

use crate::memory::LiveMeter;
use crate::plan::{Action, Chain, Op, Operand, Run, SlotId, Value};
use crate::{Error, Result};

/// The work of a backend for one action of a plan.
///
/// Forward and recompute are the same work, and a backend is not told whether a state is kept, so that no backend can
/// make them differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Work<'a> {
    /// What to compute: never [`Op::Recompute`].
    pub op: Op,
    /// The values that it reads from memory.
    pub reads: &'a [Operand],
    /// The values that it writes to memory.
    pub writes: &'a [Operand],
}

impl Work<'_> {
    /// The slot of `value`, one of its operands.
    ///
    /// # Errors
    /// [`Error::Internal`] if it is none of them.
    pub fn slot(self, value: Value) -> Result<SlotId> {
        let operand = self.writes.iter().chain(self.reads).find(|operand| operand.value == value);
        let missing = || Error::internal(format!("{} has no operand {value}", self.op));
        operand.map(|operand| operand.slot).ok_or_else(missing)
    }
}

impl<'a> From<&'a Run> for Work<'a> {
    fn from(run: &'a Run) -> Self {
        let op = match run.op {
            Op::Recompute(layers) => Op::Forward(layers),
            op => op,
        };
        Work { op, reads: &run.reads, writes: &run.writes }
    }
}

/// Runs the work of a plan, on the slots of the plan that it was made for.
pub trait Backend {
    /// Runs `work`, or queues it behind the work before.
    ///
    /// # Errors
    /// Errors of the backend; those of queued work may come with a later call.
    fn run(&mut self, work: Work) -> Result<()>;

    /// Told that the value in `slot` is no longer needed. There is nothing to compute.
    ///
    /// # Errors
    /// Those of a backend that checks plans.
    fn release(&mut self, _slot: SlotId) -> Result<()> {
        Ok(())
    }
}

/// Runs `actions` on `backend`, and tells `meter` which values come and go.
///
/// # Errors
/// The first error of the backend.
pub fn execute(
    chain: &Chain,
    actions: &[Action],
    backend: &mut (impl Backend + ?Sized),
    meter: &mut LiveMeter,
) -> Result<()> {
    meter.start();
    for action in actions {
        match action {
            Action::Run(run) => {
                backend.run(run.into())?;
                for (Operand { value, slot }, category) in run.written() {
                    meter.occupy(slot, category, chain.bytes_of(value));
                }
            }
            Action::Release { slot } => {
                backend.release(*slot)?;
                meter.vacate(*slot);
            }
        }
        meter.sample();
    }
    Ok(())
}
