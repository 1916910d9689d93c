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
    let ops_here = first..first + ops.len();
    let mut made: Vec<Option<(SlotId, Tenant)>> = vec![None; ops.len()];
    let mut read_last: Vec<(usize, SlotId, Tenant)> = Vec::new();
    for (slot, holder) in slots.iter().enumerate() {
        for &tenant in holder.tenants.iter().filter(|tenant| ops_here.contains(&tenant.from)) {
            made[tenant.from - first] = Some((slot, tenant));
            read_last.push((tenant.until, slot, tenant));
        }
    }
    read_last.sort_by_key(|&(until, slot, _)| (until, slot));
    let mut gone = read_last.into_iter().peekable();

    let (mut state_home, mut delta_home) = (vec![0; layers + 1], vec![0; layers]);
    let mut live = ByCategory::default();
    let (mut actions, mut trace) = (Vec::new(), Vec::new());
    for (index, &op) in (first..).zip(ops) {
        let made = made[index - first];
        let target = || made.map_or(0, |(slot, _)| slot);
        actions.push(match op {
            Op::Forward(layers) => Action::Forward {
                layers,
                input: state_home[layers.first],
                output: target(),
                keep: made.is_some_and(|(_, tenant)| tenant.category == Category::Checkpoints),
            },
            Op::Recompute(layers) => {
                Action::Recompute { layers, input: state_home[layers.first], output: target() }
            }
            Op::Loss => Action::Loss { output: state_home[layers], delta: target() },
            Op::Backward(layers) => Action::Backward {
                layers,
                state: state_home[layers.first],
                delta: delta_home[layers.last()],
                below: (layers.first > 0).then(target),
            },
            Op::Score => Action::Score { output: state_home[layers] },
        });
        if let Some((slot, tenant)) = made {
            match tenant.value {
                Value::State(state) => state_home[state] = slot,
                Value::Delta(layer) => delta_home[layer] = slot,
            }
            live[tenant.category] += tenant.bytes;
        }
        trace.push(live);
        while let Some((_, slot, tenant)) = gone.next_if(|&(until, ..)| until == index) {
            live[tenant.category] -= tenant.bytes;
            actions.push(Action::Release { slot });
            trace.push(live);
        }
    }
    (actions, trace)
}
