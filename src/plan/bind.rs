//! Binding ops to slots.

use super::{Action, Op, Slot, SlotId, Tenant, Value};
use crate::memory::{ByCategory, Category};

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
    let mut written: Vec<Option<(SlotId, Tenant)>> = vec![None; ops.len()];
    let mut read_last: Vec<(usize, SlotId, Tenant)> = Vec::new();
    for (slot, holder) in slots.iter().enumerate() {
        for &tenant in holder.tenants.iter().filter(|tenant| ops_here.contains(&tenant.from)) {
            written[tenant.from - first] = Some((slot, tenant));
            read_last.push((tenant.until, slot, tenant));
        }
    }
    read_last.sort_by_key(|&(until, slot, _)| (until, slot));
    let mut releases = read_last.into_iter().peekable();

    let (mut state_slots, mut delta_slots) = (vec![0; layers + 1], vec![0; layers]);
    let mut now = ByCategory::default();
    let (mut actions, mut live) = (Vec::new(), Vec::new());
    for (index, &op) in (first..).zip(ops) {
        let written = written[index - first];
        let target = || written.map_or(0, |(slot, _)| slot);
        actions.push(match op {
            Op::Forward(layers) => Action::Forward {
                layers,
                input: state_slots[layers.first],
                output: target(),
                keep: written.is_some_and(|(_, tenant)| tenant.category == Category::Checkpoints),
            },
            Op::Recompute(layers) => {
                Action::Recompute { layers, input: state_slots[layers.first], output: target() }
            }
            Op::Loss => Action::Loss { output: state_slots[layers], delta: target() },
            Op::Backward(layers) => Action::Backward {
                layers,
                state: state_slots[layers.first],
                delta: delta_slots[layers.last()],
                below: (layers.first > 0).then(target),
            },
            Op::Score => Action::Score { output: state_slots[layers] },
        });
        if let Some((slot, tenant)) = written {
            match tenant.value {
                Value::State(state) => state_slots[state] = slot,
                Value::Delta(layer) => delta_slots[layer] = slot,
            }
            now[tenant.category] += tenant.bytes;
        }
        live.push(now);
        while let Some((_, slot, tenant)) = releases.next_if(|&(until, ..)| until == index) {
            now[tenant.category] -= tenant.bytes;
            actions.push(Action::Release { slot });
            live.push(now);
        }
    }
    Bound { actions, live }
}
