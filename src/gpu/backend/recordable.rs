//! Dispatches by the work that they do.

use std::collections::HashMap;

use crate::device::Accumulation;
use crate::execute::Work;
use crate::gpu::dispatch::Dispatch;
use crate::plan::{Op, Operand};

/// The dispatches of all work of a plan, bound before its first step.
#[derive(Default)]
pub(super) struct Recordables(HashMap<(Op, Accumulation), Vec<Recordable>>);

/// Dispatches of an op on some slots.
pub(super) struct Recordable {
    reads: Vec<Operand>,
    writes: Vec<Operand>,
    pub dispatches: Vec<Dispatch>,
    pub flops: u64,
}

impl Recordables {
    /// The dispatches of `work` in a micro-batch with `accumulation`.
    pub fn find(&self, work: Work, accumulation: Accumulation) -> Option<&Recordable> {
        let same = |known: &&Recordable| known.reads == work.reads && known.writes == work.writes;
        self.0.get(&key(work, accumulation))?.iter().find(same)
    }

    /// Adds dispatches for `work`.
    pub fn add(&mut self, work: Work, accumulation: Accumulation, dispatches: Vec<Dispatch>, flops: u64) {
        let (reads, writes) = (work.reads.to_vec(), work.writes.to_vec());
        let known = self.0.entry(key(work, accumulation)).or_default();
        known.push(Recordable { reads, writes, dispatches, flops });
    }
}

/// Only the backward pass depends on the accumulation.
fn key(work: Work, accumulation: Accumulation) -> (Op, Accumulation) {
    (work.op, if work.op.is_backward() { accumulation } else { Accumulation::Whole })
}
