use serde_json::{Value, json};

use crate::memory::ByCategory;
use crate::plan::{Action, Slot, interval_memory};
use crate::report::{Choice, Outlook};

/// The whole of what `ckpt-gpu plan` knows, on one line: the `plan` event of a run, and with it every action, slot
/// and block, the comparisons and the frontier.
pub fn outlook(outlook: &Outlook) -> Value {
    let plan = outlook.summary.plan;
    let mut event = super::plan(&outlook.summary);
    let more = json!({
        "device": outlook.device,
        "bound_flops": outlook.bound_flops,
        "peak_action": plan.prediction.peak_action,
        "blocks": plan.blocks.iter().map(|block| json!({
            "bytes": block.bytes,
            "at_peak": block.at_peak,
        })).collect::<Vec<_>>(),
        "slots": plan.slots.iter().map(slot).collect::<Vec<_>>(),
        "actions": actions(&plan.step, &plan.prediction.step_live),
        "evaluation_actions": actions(&plan.evaluation, &plan.prediction.evaluation_live),
        "interval_peaks": interval_memory(plan, &plan.prediction.step_live)
            .iter().map(super::interval).collect::<Vec<_>>(),
        "compared": outlook.compared.iter().map(choice).collect::<Vec<_>>(),
        "micro_batches": outlook.micro_batches.iter().map(|row| json!({
            "micro_batch": row.micro_batch,
            "choices": row.choices.iter().map(choice).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
        "frontier": outlook.frontier.iter().map(choice).collect::<Vec<_>>(),
    });
    if let (Value::Object(event), Value::Object(more)) = (&mut event, more) {
        event.extend(more);
    }
    event
}

fn actions(actions: &[Action], live: &[ByCategory]) -> Vec<Value> {
    actions.iter().zip(live).map(|(action, live)| {
        let mut value = match *action {
            Action::Forward { layer, input, output, keep } => {
                json!({ "action": "forward", "layer": layer, "input": input, "output": output, "keep": keep })
            }
            Action::Recompute { layer, input, output } => {
                json!({ "action": "recompute", "layer": layer, "input": input, "output": output })
            }
            Action::Loss { output, delta } => json!({ "action": "loss", "output": output, "delta": delta }),
            Action::Backward { layer, state, delta, below } => {
                json!({ "action": "backward", "layer": layer, "state": state, "delta": delta, "below": below })
            }
            Action::Score { output } => json!({ "action": "score", "output": output }),
            Action::Release { slot } => json!({ "action": "release", "slot": slot }),
        };
        value["live_bytes"] = json!(live.total());
        value["live"] = json!(live.iter().filter(|(_, bytes)| *bytes > 0)
            .map(|(category, bytes)| (category.name().to_owned(), json!(bytes)))
            .collect::<serde_json::Map<_, _>>());
        value
    }).collect()
}

fn slot(slot: &Slot) -> Value {
    json!({
        "block": slot.block,
        "offset": slot.offset,
        "bytes": slot.bytes,
        "tenants": slot.tenants.iter().map(|tenant| json!({
            "value": tenant.value.to_string(),
            "category": tenant.category.name(),
            "bytes": tenant.bytes,
            "from": tenant.from,
            "until": tenant.until,
        })).collect::<Vec<_>>(),
    })
}

fn choice(choice: &Choice) -> Value {
    json!({
        "strategy": choice.strategy.to_string(),
        "planned_peak_bytes": choice.device_bytes,
        "planned_activation_bytes": choice.pool_bytes,
        "recomputed_layers": choice.recomputed_layers,
        "recomputed_share": choice.recomputed_share,
    })
}
