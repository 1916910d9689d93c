//! Where in the pool each value lives.

mod arena;
mod shared;

use std::collections::BTreeMap;

use super::lifetime::Values;
use super::{Slot, Tenant};
use crate::{Error, Result};

/// What a device asks of a pool's buffers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolLimits {
    /// What offsets into a buffer must be a multiple of, in bytes.
    pub alignment: u64,
    /// The largest buffer, in bytes.
    pub block_bytes: u64,
    /// What the size of a buffer must be a multiple of, in bytes; every value's is.
    pub block_multiple: u64,
}

impl Default for PoolLimits {
    /// Offsets of 256 bytes, which every GPU takes, and buffers of any size.
    fn default() -> Self {
        PoolLimits { alignment: 256, block_bytes: u64::MAX, block_multiple: 4 }
    }
}

/// Where a value is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Placement {
    block: usize,
    offset: u64,
    /// Of the slot, which may be larger than the value.
    bytes: u64,
}

/// The blocks' sizes, and a place for each tenant.
struct Layout {
    block_bytes: Vec<u64>,
    places: Vec<Placement>,
}

impl Layout {
    fn bytes(&self) -> u64 {
        self.block_bytes.iter().sum()
    }
}

/// The blocks' sizes, and the slots in them.
pub(super) struct Pool {
    pub block_bytes: Vec<u64>,
    pub slots: Vec<Slot>,
}

impl Pool {
    pub fn bytes(&self) -> u64 {
        self.block_bytes.iter().sum()
    }
}

/// A pool for `values`.
///
/// One buffer a slot is tried first: no offset needs alignment there, and where all values have one size nothing is
/// lost. Where it loses bytes, ranges of an arena are tried, of at most `most` bytes, and the smaller of the two is
/// taken.
pub(super) fn pack(values: &Values, limits: PoolLimits, most: u64) -> Result<Pool> {
    let tenants = &values.tenants;
    if let Some(tenant) = tenants.iter().find(|tenant| tenant.bytes > limits.block_bytes) {
        return Err(Error::DoesNotFit(format!(
            "{} takes {} bytes, expected at most {}, the largest buffer; make it smaller, or allow larger buffers",
            tenant.value, tenant.bytes, limits.block_bytes
        )));
    }
    let mut layout = shared::layout(tenants);
    if layout.bytes() > values.live_peak {
        let arena = arena::layout(values, most.min(layout.bytes() - 1), limits);
        layout = arena.unwrap_or(layout);
    }
    let mut slots: BTreeMap<Placement, Vec<Tenant>> = BTreeMap::new();
    for (&tenant, &place) in tenants.iter().zip(&layout.places) {
        slots.entry(place).or_default().push(tenant);
    }
    let slots = slots.into_iter().map(|(Placement { block, offset, bytes }, mut tenants)| {
        tenants.sort_by_key(|tenant| tenant.from);
        Slot { block, offset, bytes, tenants }
    });
    Ok(Pool { block_bytes: layout.block_bytes, slots: slots.collect() })
}
