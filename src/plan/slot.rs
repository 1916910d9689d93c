use std::fmt;

use crate::memory::{ByCategory, Category};

/// A slot's position in [`super::Plan::slots`].
pub type SlotId = usize;

/// A value of the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Value {
    /// State `s_l`.
    State(usize),
    /// The gradient with respect to layer `l`'s pre-activation.
    Delta(usize),
}

/// One device buffer of the pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Its size.
    pub bytes: u64,
    /// What its bytes are booked under: what they hold when live bytes peak, and as fragmentation what holds
    /// nothing then.
    pub at_peak: ByCategory,
}

/// A range of a block that one value at a time lives in. Slots may overlap where their tenants never meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// Position of its block in [`super::Plan::blocks`].
    pub block: usize,
    /// Where in the block it starts, in bytes.
    pub offset: u64,
    /// Its size: that of its largest tenant.
    pub bytes: u64,
    /// The values it holds, one after the other.
    pub tenants: Vec<Tenant>,
}

/// A value's stay in a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tenant {
    /// What stays.
    pub value: Value,
    /// What it is kept for.
    pub category: Category,
    /// Its size.
    pub bytes: u64,
    /// The op that writes it, counted through the step and then the evaluation, releases left out.
    pub from: usize,
    /// The op that reads it last.
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
