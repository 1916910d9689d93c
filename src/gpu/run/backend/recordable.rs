//! Dispatches by the work that they do.

use std::collections::HashMap;

use crate::execute::Work;
use crate::gpu::pipelines::Dispatch;
use crate::plan::{Op, Operand};

/// The dispatches of all work of a plan, bound before its first step.
#[derive(Default)]
pub struct Recordables(HashMap<Op, Vec<Recordable>>);

/// Dispatches of an op on some slots.
pub struct Recordable {
    reads: Vec<Operand>,
    writes: Vec<Operand>,
    pub dispatches: Vec<Dispatch>,
    pub flops: u64,
}

impl Recordables {
    /// The dispatches of `work`.
    pub fn find(&self, work: Work) -> Option<&Recordable> {
        let same = |known: &&Recordable| known.reads == work.reads && known.writes == work.writes;
        self.0.get(&work.op)?.iter().find(same)
    }

    /// Adds dispatches for `work`.
    pub fn add(&mut self, work: Work, dispatches: Vec<Dispatch>, flops: u64) {
        let (reads, writes) = (work.reads.to_vec(), work.writes.to_vec());
        let known = self.0.entry(work.op).or_default();
        known.push(Recordable { reads, writes, dispatches, flops });
    }
}
