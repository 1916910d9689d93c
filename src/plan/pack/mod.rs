//! Packing: where in the pool each value lives.

mod arena;
mod shared_blocks;

use std::collections::{BTreeMap, BTreeSet};

use super::lifetime::{self, Values};
use super::{Slot, Tenant};
use crate::{Error, Result};

/// A device's limits on the buffers of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolLimits {
    /// Alignment of offsets into a buffer, in bytes.
    pub alignment: u64,
    /// Size of the largest buffer, in bytes.
    pub block_bytes: u64,
    /// Divisor of every buffer's size, in bytes. The sizes of all values are multiples of it.
    pub block_multiple: u64,
    /// `true` if slots are ranges of as few buffers as possible, so that one binding covers many of them; `false` if they
    /// may each have a buffer of their own.
    pub joined: bool,
}

impl Default for PoolLimits {
    /// Alignment to 256 bytes, which every GPU accepts, and buffers of any size.
    fn default() -> Self {
        PoolLimits { alignment: 256, block_bytes: u64::MAX, block_multiple: 4, joined: false }
    }
}

/// Values, and sizes of values, above which only an arena is tried, if it fits.
const MANY: usize = 3000;
const MANY_SIZES: usize = 64;

/// How long to search for a smaller pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effort {
    /// Milliseconds.
    Usual,
    /// Up to a second, if the bytes hardly suffice.
    Most,
}

/// Where a value is placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Placement {
    block: usize,
    offset: u64,
    /// Size of the slot, which may be larger than the value.
    bytes: u64,
}

/// Sizes of the blocks, and a placement for each tenant.
struct Layout {
    block_bytes: Vec<u64>,
    placements: Vec<Placement>,
}

impl Layout {
    fn bytes(&self) -> u64 {
        self.block_bytes.iter().sum()
    }

    /// [`Layout::joined`], if `limits` ask for it.
    fn joined_where(self, limits: PoolLimits) -> Self {
        if limits.joined { self.joined(limits) } else { self }
    }

    /// Its blocks one after the other, at aligned offsets, in as few blocks as `limits` allow.
    fn joined(self, limits: PoolLimits) -> Self {
        let mut block_bytes: Vec<u64> = Vec::new();
        let mut places = Vec::new();
        for bytes in self.block_bytes {
            let start = block_bytes.last().map(|end| end.next_multiple_of(limits.alignment));
            match (start, block_bytes.last_mut()) {
                (Some(start), Some(end)) if start + bytes <= limits.block_bytes => {
                    *end = start + bytes;
                    places.push((block_bytes.len() - 1, start));
                }
                _ => {
                    block_bytes.push(bytes);
                    places.push((block_bytes.len() - 1, 0));
                }
            }
        }
        let placements = self.placements.into_iter().map(|placement| {
            let (block, start) = places[placement.block];
            Placement { block, offset: start + placement.offset, bytes: placement.bytes }
        });
        Layout { block_bytes, placements: placements.collect() }
    }
}

/// Sizes of the blocks, and the slots in them.
pub(super) struct Pool {
    pub block_bytes: Vec<u64>,
    pub slots: Vec<Slot>,
}

impl Pool {
    pub fn bytes(&self) -> u64 {
        self.block_bytes.iter().sum()
    }
}

/// Packs `values` into a pool.
///
/// One range a slot is tried first, in a buffer of its own where limits allow: then offsets need no alignment, and values
/// of equal size lose nothing. If bytes are lost to fragmentation, ranges of an arena of at most `most` bytes are tried,
/// and the smaller pool is taken.
///
/// # Errors
/// [`Error::DoesNotFit`] if a value is larger than the largest buffer.
pub(super) fn pack(values: &Values, limits: PoolLimits, most: u64, effort: Effort) -> Result<Pool> {
    let tenants = &values.tenants;
    if let Some(tenant) = tenants.iter().find(|tenant| tenant.bytes > limits.block_bytes) {
        return Err(Error::DoesNotFit(format!(
            "{} takes {} bytes, expected at most {}, the largest buffer; make it smaller, or allow larger buffers",
            tenant.value, tenant.bytes, limits.block_bytes
        )));
    }
    let layout = match is_diverse(tenants).then(|| arena::layout(values, most, limits, effort)) {
        Some(Some(layout)) => layout,
        Some(None) => shared_blocks::layout(tenants).joined_where(limits),
        None => smaller_layout(values, limits, most, effort),
    };
    let mut slots: BTreeMap<Placement, Vec<Tenant>> = BTreeMap::new();
    for (&tenant, &placement) in tenants.iter().zip(&layout.placements) {
        slots.entry(placement).or_default().push(tenant);
    }
    let slots = slots.into_iter().map(|(Placement { block, offset, bytes }, mut tenants)| {
        tenants.sort_by_key(|tenant| tenant.from);
        Slot { block, offset, bytes, tenants }
    });
    Ok(Pool { block_bytes: layout.block_bytes, slots: slots.collect() })
}

/// `true` if values are many and of many sizes: then a buffer for each slot takes long to find, and loses much.
fn is_diverse(tenants: &[Tenant]) -> bool {
    let sizes = || tenants.iter().map(|tenant| tenant.bytes).collect::<BTreeSet<_>>();
    tenants.len() > MANY && sizes().len() > MANY_SIZES
}

/// One range a slot, or the arena if that is smaller.
fn smaller_layout(values: &Values, limits: PoolLimits, most: u64, effort: Effort) -> Layout {
    let tenants = &values.tenants;
    let mut layout = shared_blocks::layout(tenants);
    let mut lost = layout.bytes() - values.peak.bytes;
    if limits.joined {
        layout = layout.joined(limits);
        // Padding between values is lost in every layout.
        let aligned = arena::aligned(tenants, limits.alignment);
        lost = layout.bytes().saturating_sub(lifetime::live_peak(&aligned).bytes);
    }
    if lost > 0 {
        let arena = arena::layout(values, most.min(layout.bytes() - 1), limits, effort);
        layout = arena.unwrap_or(layout);
    }
    layout
}
