//! Replays a plan on a machine that tracks only which value each slot holds.

use std::collections::BTreeMap;

use crate::execute::{Backend, Work, execute};
use crate::memory::LiveMeter;
use crate::plan::{Layers, Op, Operand, Plan, Slot, SlotId, Value};
use crate::{Error, Result};

/// Checks that `plan` can run:
///
/// - every value read is there and is the intended one;
/// - no byte is overwritten while its value is live;
/// - no slot holds a value larger than itself or lies outside its block;
/// - a step has one loss, and each layer runs backward once, from last to first;
/// - an evaluation has one score and no backward;
/// - no value outlives the step or the evaluation;
/// - live bytes are as predicted.
///
/// The step is replayed twice with the evaluation between, as in training.
///
/// # Errors
/// [`Error::InvalidPlan`] at the first broken rule.
pub fn simulate(plan: &Plan) -> Result<()> {
    let mut machine = Machine {
        plan,
        slots: vec![None; plan.slots.len()],
        occupied: vec![BTreeMap::new(); plan.blocks.len()],
        backward_from: 0,
        losses: 0,
        scores: 0,
        performed: 0,
    };
    let mut meter = LiveMeter::new(plan.slots.len());
    let prediction = &plan.prediction;
    for (actions, predicted) in [
        (&plan.step, &prediction.step_live),
        (&plan.evaluation, &prediction.evaluation_live),
        (&plan.step, &prediction.step_live),
    ] {
        machine.start();
        execute(&plan.chain, actions, &mut machine, &mut meter)?;
        machine.finish(std::ptr::eq(actions, &plan.step))?;
        if let Some(index) =
            (0..actions.len()).find(|&index| predicted.get(index) != meter.trace().get(index))
        {
            let counted = meter.trace().get(index);
            let problem = format!("predicted {:?} live bytes, counted {counted:?}", predicted.get(index));
            return Err(Error::InvalidPlan { index, problem });
        }
    }
    Ok(())
}

struct Machine<'a> {
    plan: &'a Plan,
    slots: Vec<Option<Value>>,
    /// For each block, the offsets at which its live values start, and those at which they end.
    occupied: Vec<BTreeMap<u64, u64>>,
    /// Layers from this one up have run backward.
    backward_from: usize,
    losses: usize,
    scores: usize,
    performed: usize,
}

impl Machine<'_> {
    fn start(&mut self) {
        self.slots[0] = Some(Value::State(0));
        self.backward_from = self.plan.chain.layers();
        (self.losses, self.scores, self.performed) = (0, 0, 0);
    }

    fn finish(&self, trains: bool) -> Result<()> {
        if let Some(slot) = (1..self.slots.len()).find(|&slot| self.slots[slot].is_some()) {
            return self.refuse(format!("slot {slot} is never released"));
        }
        // Losses and scores also count the micro-batches of a pass.
        let expected = if trains { (0, 1, 0) } else { (self.plan.chain.layers(), 0, 1) };
        let found = (self.backward_from, self.losses, self.scores);
        if found != expected {
            return self.refuse(format!(
                "ends with layers from {} up gone backward, {} losses and {} scores; \
                 expected {}, {} and {}",
                found.0, found.1, found.2, expected.0, expected.1, expected.2
            ));
        }
        Ok(())
    }

    /// Checks that a device can run `layers` as one action.
    fn check_run(&self, layers: Layers) -> Result<()> {
        let chain = &self.plan.chain;
        if layers.first < layers.end && layers.end <= chain.layers() && chain.can_run(layers) {
            return Ok(());
        }
        self.refuse(format!("runs {layers} at once"))
    }

    fn refuse<T>(&self, problem: String) -> Result<T> {
        Err(Error::InvalidPlan { index: self.performed, problem })
    }

    fn read(&self, slot: SlotId, wanted: Value) -> Result<()> {
        match self.slots.get(slot).copied().flatten() {
            Some(found) if found == wanted => Ok(()),
            Some(found) => self.refuse(format!("reads {wanted} from slot {slot}, which holds {found}")),
            None => self.refuse(format!("reads {wanted} from slot {slot}, which holds nothing")),
        }
    }

    fn write(&mut self, slot: SlotId, value: Value) -> Result<()> {
        let bytes = self.plan.chain.bytes_of(value);
        match self.slots.get(slot) {
            None => self.refuse(format!("writes {value} to slot {slot}, which does not exist")),
            Some(Some(held)) => self.refuse(format!("writes {value} over {held} in slot {slot}")),
            Some(None) if self.plan.slots[slot].bytes < bytes => self.refuse(format!(
                "writes {value} of {bytes} bytes to slot {slot} of {}",
                self.plan.slots[slot].bytes
            )),
            Some(None) => {
                self.occupy(slot, value, bytes)?;
                self.slots[slot] = Some(value);
                Ok(())
            }
        }
    }

    fn occupy(&mut self, slot: SlotId, value: Value, bytes: u64) -> Result<()> {
        let Slot { block, offset: start, bytes: slot_bytes, .. } = self.plan.slots[slot];
        if self.plan.blocks.get(block).is_none_or(|block| block.bytes < start + slot_bytes) {
            return self.refuse(format!("slot {slot} is not inside block {block}"));
        }
        let below = self.occupied[block].range(..start + bytes).next_back();
        if let Some((from, until)) = below.filter(|&(_, &until)| until > start) {
            return self.refuse(format!(
                "writes {value} to bytes {start} to {} of block {block}, where {from} to {until} are still needed",
                start + bytes
            ));
        }
        self.occupied[block].insert(start, start + bytes);
        Ok(())
    }

    /// Checks that `reads` are these values, in this order, and that each slot holds its value.
    fn reads(&self, reads: &[Operand], expected: impl Iterator<Item = Value>) -> Result<()> {
        if !reads.iter().map(|operand| operand.value).eq(expected) {
            return self.refuse(format!("reads {reads:?}"));
        }
        reads.iter().try_for_each(|&Operand { value, slot }| self.read(slot, value))
    }

    /// Writes `writes`, which must be these values, in this order.
    fn writes(&mut self, writes: &[Operand], expected: impl Iterator<Item = Value>) -> Result<()> {
        if !writes.iter().map(|operand| operand.value).eq(expected) {
            return self.refuse(format!("writes {writes:?}"));
        }
        writes.iter().try_for_each(|&Operand { value, slot }| self.write(slot, value))
    }

    fn forward(&mut self, layers: Layers, reads: &[Operand], writes: &[Operand]) -> Result<()> {
        self.check_run(layers)?;
        self.reads(reads, [Value::State(layers.first)].into_iter())?;
        // States between the layers may stay in the kernel.
        let is_written = |value: &Value| writes.iter().any(|operand| operand.value == *value);
        let between = (layers.first + 1..layers.end).map(Value::State).filter(is_written);
        self.writes(writes, between.chain([Value::State(layers.end)]))
    }

    fn forward_backward(&mut self, run: Layers, reads: &[Operand], writes: &[Operand]) -> Result<()> {
        if !self.plan.chain.can_turn(run) || self.backward_from != run.end {
            return self.refuse(format!("runs {run} forward and backward at once"));
        }
        self.reads(reads, [Value::State(run.first)].into_iter())?;
        let states = (run.first + 1..=run.end).map(Value::State);
        // Layer 0 has no delta below it.
        self.writes(writes, states.chain((run.first.saturating_sub(1)..run.end).map(Value::Delta)))?;
        self.losses += 1;
        self.backward_from = run.first;
        Ok(())
    }

    fn backward(&mut self, layers: Layers, reads: &[Operand], writes: &[Operand]) -> Result<()> {
        self.check_run(layers)?;
        if layers.end != self.backward_from {
            return self.refuse(format!("{layers} backward right after layer {}", self.backward_from));
        }
        let states = layers.range().map(Value::State);
        self.reads(reads, states.chain([Value::Delta(layers.last())]))?;
        // Layer 0 has no delta below it.
        self.writes(writes, layers.range().filter(|&layer| layer > 0).map(|layer| Value::Delta(layer - 1)))?;
        self.backward_from = layers.first;
        Ok(())
    }
}

impl Backend for Machine<'_> {
    fn run(&mut self, Work { op, reads, writes }: Work) -> Result<()> {
        let layers = self.plan.chain.layers();
        match op {
            Op::Forward(layers) | Op::Recompute(layers) => self.forward(layers, reads, writes)?,
            Op::Loss => {
                self.reads(reads, [Value::State(layers)].into_iter())?;
                self.writes(writes, [Value::Delta(layers - 1)].into_iter())?;
                self.losses += 1;
            }
            Op::Backward(layers) => self.backward(layers, reads, writes)?,
            Op::ForwardBackward(run) => self.forward_backward(run, reads, writes)?,
            Op::Score => {
                self.reads(reads, [Value::State(layers)].into_iter())?;
                self.writes(writes, [].into_iter())?;
                self.scores += 1;
            }
        }
        self.performed += 1;
        Ok(())
    }

    fn release(&mut self, slot: SlotId) -> Result<()> {
        match self.slots.get_mut(slot) {
            Some(held) if slot > 0 && held.is_some() => {
                *held = None;
                let Slot { block, offset, .. } = self.plan.slots[slot];
                self.occupied[block].remove(&offset);
                self.performed += 1;
                Ok(())
            }
            _ => self.refuse(format!("releases slot {slot}, which holds nothing of the pool")),
        }
    }
}
