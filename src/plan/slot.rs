use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::SlotId;
use crate::memory::Category;

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
pub struct Slot {
    /// Its size: that of its largest tenant.
    pub bytes: u64,
    /// What its bytes are booked under: what it holds when live bytes peak, or else its first tenant's category.
    pub category: Category,
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

impl Slot {
    pub(super) fn category_at(&self, op: usize) -> Category {
        let present = self.tenants.iter().find(|tenant| (tenant.from..=tenant.until).contains(&op));
        present.or(self.tenants.first()).map_or(self.category, |tenant| tenant.category)
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::State(index) => write!(f, "state {index}"),
            Value::Delta(layer) => write!(f, "delta {layer}"),
        }
    }
}

/// Puts tenants into slots, none into one that another occupies at the same time.
///
/// Greedy by size: the largest first, each into the smallest slot that is free for its stay (Pisarchyk and Lee,
/// "Efficient Memory Management for Deep Neural Net Inference", 2020, "greedy by size for shared objects"), and
/// among equals into the one that is left idle the shortest. Tenants of one size come in the order of their
/// stays, which makes uniform chains optimal: their slots are as many as the most values that live at once.
pub(super) fn assign(input_bytes: u64, mut tenants: Vec<Tenant>) -> Vec<Slot> {
    tenants.sort_by_key(|tenant| (Reverse(tenant.bytes), tenant.from));

    let mut slots = vec![Slot { bytes: input_bytes, category: Category::Batch, tenants: Vec::new() }];
    let mut stays: Vec<BTreeMap<usize, Tenant>> = vec![BTreeMap::new()];
    for equals in tenants.chunk_by(|a, b| a.bytes == b.bytes) {
        let larger = 1..slots.len();
        // Slots of this very size, with the op after which each is free for good: as tenants of one size come in
        // the order of their stays, the one freed last is the one left idle the shortest.
        let mut freed: BTreeSet<(usize, SlotId)> = BTreeSet::new();
        for &tenant in equals {
            let idle =
                |slot: SlotId| idle_around(&stays[slot], &tenant).map(|idle| (slots[slot].bytes, idle, slot));
            let slot = if let Some(&(until, slot)) = freed.range(..(tenant.from, 0)).next_back() {
                freed.remove(&(until, slot));
                slot
            } else if let Some((_, _, slot)) = larger.clone().filter_map(idle).min() {
                slot
            } else {
                slots.push(Slot { bytes: tenant.bytes, category: tenant.category, tenants: Vec::new() });
                stays.push(BTreeMap::new());
                slots.len() - 1
            };
            if !larger.contains(&slot) {
                freed.insert((tenant.until, slot));
            }
            stays[slot].insert(tenant.from, tenant);
        }
    }
    for (slot, stays) in slots.iter_mut().zip(stays) {
        slot.tenants = stays.into_values().collect();
    }
    slots
}

/// How long a slot would be idle right before and after `tenant`, or nothing where it is not free.
fn idle_around(stays: &BTreeMap<usize, Tenant>, tenant: &Tenant) -> Option<usize> {
    let before = stays.range(..=tenant.until).next_back().map(|(_, before)| before.until);
    let after = stays.range(tenant.until + 1..).next().map(|(&from, _)| from);
    if before.is_some_and(|until| until >= tenant.from) {
        return None;
    }
    let gap_before = before.map_or(0, |until| tenant.from - until);
    let gap_after = after.map_or(0, |from| from - tenant.until);
    Some(gap_before + gap_after)
}
