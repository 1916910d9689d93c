use std::fmt;

use crate::memory::{ByCategory, Category};

/// Index of a slot in [`super::Plan::slots`].
pub type SlotId = usize;

/// A value of the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// State `s_l`.
    State(usize),
    /// Delta of layer `l`: the gradient of the loss with respect to its pre-activation.
    Delta(usize),
}

/// One device buffer of the pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Its size in bytes.
    pub bytes: u64,
    /// Categories of its bytes at the peak of live bytes; bytes that hold no value then are fragmentation.
    pub at_peak: ByCategory,
}

/// A range of a block that holds one value at a time. Slots may overlap if their tenants are never live together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// Index of its block in [`super::Plan::blocks`].
    pub block: usize,
    /// Offset in the block, in bytes.
    pub offset: u64,
    /// Its size in bytes: that of its largest tenant.
    pub bytes: u64,
    /// The values that it holds, in order of time.
    pub tenants: Vec<Tenant>,
}

/// The time that a value spends in a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tenant {
    /// The value.
    pub value: Value,
    /// Category of its bytes.
    pub category: Category,
    /// Its size in bytes.
    pub bytes: u64,
    /// Index of the op that writes it. Ops of the step come first, then those of the evaluation; releases are not counted.
    pub from: usize,
    /// Index of the op that reads it last.
    pub until: usize,
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::State(index) => write!(f, "state {index}"),
            Value::Delta(layer) => write!(f, "delta {layer}"),
        }
    }
}
