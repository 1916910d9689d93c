use serde_json::{Map, Value, json};

use super::{extended, interval};
use crate::memory::{ByCategory, Category};
use crate::plan::{Action, Operand, Run, Slot, interval_memory};
use crate::report::PlanSummary;
use crate::strategy::Strategy;

/// A plan with every action, slot and byte.
pub(super) fn plan(summary: &PlanSummary) -> Value {
    let plan = summary.plan;
    let budget = if let Strategy::Budget(bytes) = summary.strategy { Some(bytes) } else { None };
    extended(
        super::plan_figures(summary),
        json!({
            "budget_bytes": budget,
            "state_bytes": plan.chain.state_bytes,
            "delta_bytes": plan.chain.delta_bytes,
            "forward_flops_by_layer": plan.chain.forward_flops,
            "peak_action": plan.prediction.peak_action,
            "blocks": plan.blocks.iter().map(|block| json!({
                "bytes": block.bytes,
                "at_peak": nonzero(&block.at_peak),
            })).collect::<Vec<_>>(),
            "slots": plan.slots.iter().map(slot).collect::<Vec<_>>(),
            "actions": actions(&plan.step, 0),
            "live_bytes": live(&plan.prediction.step_live),
            "evaluation_actions": actions(&plan.evaluation, ops(&plan.step)),
            "evaluation_live_bytes": live(&plan.prediction.evaluation_live),
            "interval_peaks": interval_memory(plan, &plan.prediction.step_live)
                .iter().map(interval).collect::<Vec<_>>(),
        }),
    )
}

/// Live bytes of the pool: a list per category with an entry per action.
pub(super) fn live(trace: &[ByCategory]) -> Value {
    let column = |category| trace.iter().map(|live| live[category]).collect::<Vec<_>>();
    Category::ACTIVATIONS
        .map(|category| (category.name().to_owned(), json!(column(category))))
        .into_iter()
        .collect()
}

/// Bytes of the categories that are not 0.
pub(super) fn nonzero(bytes: &ByCategory) -> Value {
    let present = bytes.iter().filter(|(_, bytes)| *bytes > 0);
    present.map(|(category, bytes)| (category.name().to_owned(), json!(bytes))).collect::<Map<_, _>>().into()
}

/// Actions in order of execution. Actions except releases have an op number, which goes on from the step to the
/// evaluation; tenants name ops by it.
fn actions(actions: &[Action], first_op: usize) -> Vec<Value> {
    let mut op = first_op;
    let numbered = |action: &Action| {
        let mut figures = figures(action);
        if !action.is_release() {
            figures["op"] = json!(op);
            op += 1;
        }
        figures
    };
    actions.iter().map(numbered).collect()
}

fn ops(actions: &[Action]) -> usize {
    actions.iter().filter(|action| !action.is_release()).count()
}

fn figures(action: &Action) -> Value {
    let run = match action {
        Action::Run(run) => run,
        Action::Release { slot } => return json!({ "action": "release", "slot": slot }),
    };
    let Run { op, reads, writes, .. } = run;
    let mut figures = json!({ "action": op.name(), "reads": operands(reads), "writes": operands(writes) });
    if let Some(layers) = op.layers() {
        // First layer, and one past the last, as intervals have them.
        figures["layers"] = json!([layers.first, layers.end]);
    }
    if op.is_forward() {
        figures["keep"] = json!(run.keeps());
    }
    figures
}

fn operands(operands: &[Operand]) -> Vec<Value> {
    let operand = |operand: &Operand| json!({ "value": operand.value.to_string(), "slot": operand.slot });
    operands.iter().map(operand).collect()
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
            "from_op": tenant.from,
            "until_op": tenant.until,
        })).collect::<Vec<_>>(),
    })
}
