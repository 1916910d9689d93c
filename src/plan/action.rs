use std::fmt;

use super::{Op, SlotId, Value};
use crate::memory::Category;

/// One action of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Run an op.
    Run(Run),
    /// Free a slot whose value has had its last reader.
    Release {
        /// The slot that becomes free.
        slot: SlotId,
    },
}

/// An op with the slots of its operands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// What to compute.
    pub op: Op,
    /// The values that it reads from memory.
    pub reads: Vec<Operand>,
    /// The values that it writes to memory, states or deltas in ascending order.
    pub writes: Vec<Operand>,
    /// For each of these, the category of its bytes. A state of the forward pass is a checkpoint if loss or backward read
    /// it later.
    pub categories: Vec<Category>,
}

/// A value, and the slot that holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Operand {
    /// The value.
    pub value: Value,
    /// Its slot.
    pub slot: SlotId,
}

impl Action {
    /// `true` for [`Action::Release`], which computes nothing.
    pub fn is_release(&self) -> bool {
        matches!(self, Action::Release { .. })
    }

    /// What it runs; `None` for a release.
    pub fn run(&self) -> Option<&Run> {
        match self {
            Action::Run(run) => Some(run),
            Action::Release { .. } => None,
        }
    }
}

impl Run {
    /// The values that it writes, with the category of each.
    pub fn written(&self) -> impl Iterator<Item = (Operand, Category)> {
        self.writes.iter().copied().zip(self.categories.iter().copied())
    }

    /// `true` if it writes a checkpoint.
    pub fn keeps(&self) -> bool {
        self.categories.contains(&Category::Checkpoints)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Action::Run(run) => run.fmt(f),
            Action::Release { slot } => write!(f, "release slot {slot}"),
        }
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.op, slots(&self.reads))?;
        if !self.writes.is_empty() {
            write!(f, " -> {}", slots(&self.writes))?;
        }
        f.write_str(if self.keeps() { ", kept" } else { "" })
    }
}

/// "slot 3", "slots 3, 4, 9", or "slots 3-8, 2" where three or more follow one another.
fn slots(operands: &[Operand]) -> String {
    let slots: Vec<SlotId> = operands.iter().map(|operand| operand.slot).collect();
    let runs = slots.chunk_by(|&before, &after| after == before + 1).flat_map(|run| match *run {
        [first, .., last] if run.len() > 2 => vec![format!("{first}-{last}")],
        _ => run.iter().map(SlotId::to_string).collect(),
    });
    let runs: Vec<String> = runs.collect();
    format!("{} {}", if slots.len() == 1 { "slot" } else { "slots" }, runs.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_that_follow_one_another_are_ranges() {
        let written = |slots_of: &[SlotId]| {
            let operands = slots_of.iter().map(|&slot| Operand { value: Value::State(0), slot });
            slots(&operands.collect::<Vec<_>>())
        };
        assert_eq!(written(&[3]), "slot 3");
        assert_eq!(written(&[3, 4, 9]), "slots 3, 4, 9");
        assert_eq!(written(&[7, 3, 4, 5, 6, 2, 1]), "slots 7, 3-6, 2, 1");
    }
}
