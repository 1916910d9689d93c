//! Binding ops to slots.

use super::{Action, Op, Operand, Run, Slot, SlotId, Tenant, Value};
use crate::memory::ByCategory;

/// Actions on slots, with the live bytes of the pool after each.
pub(super) struct Bound {
    pub actions: Vec<Action>,
    pub live: Vec<ByCategory>,
}

/// Binds `ops`, the first of which is op number `first`, to slots. Every slot is released right after the
/// last reader of its tenant.
///
/// The slots must hold every value that the ops write, which [`super::pack::pack`] ensures.
pub(super) fn bind(layers: usize, ops: &[Op], first: usize, slots: &[Slot]) -> Bound {
    let ops_here = first..first + ops.len();
    let mut written: Vec<Vec<(SlotId, Tenant)>> = vec![Vec::new(); ops.len()];
    let mut read_last: Vec<(usize, SlotId, Tenant)> = Vec::new();
    for (slot, holder) in slots.iter().enumerate() {
        for &tenant in holder.tenants.iter().filter(|tenant| ops_here.contains(&tenant.from)) {
            written[tenant.from - first].push((slot, tenant));
            read_last.push((tenant.until, slot, tenant));
        }
    }
    read_last.sort_by_key(|&(until, slot, _)| (until, slot));
    let mut releases = read_last.into_iter().peekable();

    let (mut state_slots, mut delta_slots) = (vec![0; layers + 1], vec![0; layers]);
    let mut now = ByCategory::default();
    let (mut actions, mut live) = (Vec::new(), Vec::new());
    for (index, &op) in (first..).zip(ops) {
        let slot_of = |value: Value| match value {
            Value::State(state) => state_slots[state],
            Value::Delta(layer) => delta_slots[layer],
        };
        let reads = op.reads(layers).map(|value| Operand { value, slot: slot_of(value) }).collect();
        let mut written = std::mem::take(&mut written[index - first]);
        written.sort_by_key(|(_, tenant)| tenant.value);
        let writes = written.iter().map(|&(slot, tenant)| Operand { value: tenant.value, slot }).collect();
        let categories = written.iter().map(|(_, tenant)| tenant.category).collect();
        for (slot, tenant) in written {
            match tenant.value {
                Value::State(state) => state_slots[state] = slot,
                Value::Delta(layer) => delta_slots[layer] = slot,
            }
            now[tenant.category] += tenant.bytes;
        }
        actions.push(Action::Run(Run { op, reads, writes, categories }));
        live.push(now);
        while let Some((_, slot, tenant)) = releases.next_if(|&(until, ..)| until == index) {
            now[tenant.category] -= tenant.bytes;
            actions.push(Action::Release { slot });
            live.push(now);
        }
    }
    Bound { actions, live }
}
