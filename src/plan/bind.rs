use std::collections::HashMap;

use super::{Action, Op, Slot, SlotId, Tenant, Value};
use crate::memory::{ByCategory, Category};

/// Turns `ops`, the first of which is op number `first`, into actions on slots, with the bytes of the pool that
/// live after each. Every slot is released right after its tenant's last reader.
///
/// The slots must hold every value that the ops make, as [`super::pack::pack`] sees to.
pub(super) fn bind(
    layers: usize,
    ops: &[Op],
    first: usize,
    slots: &[Slot],
) -> (Vec<Action>, Vec<ByCategory>) {
    let mut made: HashMap<usize, (SlotId, Tenant)> = HashMap::new();
    let mut last_read: HashMap<usize, Vec<(SlotId, Tenant)>> = HashMap::new();
    for (slot, holder) in slots.iter().enumerate() {
        for &tenant in &holder.tenants {
            made.insert(tenant.from, (slot, tenant));
            last_read.entry(tenant.until).or_default().push((slot, tenant));
        }
    }

    let mut home = HashMap::from([(Value::State(0), 0)]);
    let mut live = ByCategory::default();
    let (mut actions, mut trace) = (Vec::new(), Vec::new());
    for (index, &op) in (first..).zip(ops) {
        let target = || made[&index].0;
        actions.push(match op {
            Op::Forward(layer) => Action::Forward {
                layer,
                input: home[&Value::State(layer)],
                output: target(),
                keep: made[&index].1.category == Category::Checkpoints,
            },
            Op::Recompute(layer) => {
                Action::Recompute { layer, input: home[&Value::State(layer)], output: target() }
            }
            Op::Loss => Action::Loss { output: home[&Value::State(layers)], delta: target() },
            Op::Backward(layer) => Action::Backward {
                layer,
                state: home[&Value::State(layer)],
                delta: home[&Value::Delta(layer)],
                below: (layer > 0).then(target),
            },
            Op::Score => Action::Score { output: home[&Value::State(layers)] },
        });
        if let Some((slot, tenant)) = made.get(&index) {
            home.insert(tenant.value, *slot);
            live[tenant.category] += tenant.bytes;
        }
        trace.push(live);
        for (slot, tenant) in last_read.get(&index).into_iter().flatten() {
            live[tenant.category] -= tenant.bytes;
            actions.push(Action::Release { slot: *slot });
            trace.push(live);
        }
    }
    (actions, trace)
}
