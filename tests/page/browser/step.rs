//! A step's actions and intervals, worked out from a JSON report without the page's code.

use std::collections::BTreeMap;

use serde_json::Value;

/// Categories of the pool's values, in the page's stacking order from the bottom.
pub const ACTIVATIONS: [&str; 3] = ["checkpoints", "recomputed", "deltas"];

/// A value's stay in a slot. It is live after actions `from` to `until` − 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Stay {
    pub value: String,
    pub category: String,
    pub bytes: u64,
    pub slot: usize,
    pub block: usize,
    pub offset: u64,
    pub from: usize,
    pub until: usize,
}

/// Every stay of the step, from the tenants in the report. A stay begins with its first op and ends when its slot is
/// released after its last op.
pub fn stays(plan: &Value) -> Vec<Stay> {
    let actions = list(&plan["actions"]);
    let is_release = |index: &usize| actions[*index]["action"] == "release";
    let ops: Vec<usize> = (0..actions.len()).filter(|index| !is_release(index)).collect();
    let mut stays = Vec::new();
    for (slot, about) in list(&plan["slots"]).iter().enumerate() {
        for tenant in list(&about["tenants"]) {
            // Tenants of the evaluation come after those of the step.
            let Some(&from) = ops.get(number(&tenant["from_op"]) as usize) else { continue };
            let last = ops[number(&tenant["until_op"]) as usize];
            let until =
                (last..actions.len()).filter(is_release).find(|&index| actions[index]["slot"] == slot);
            stays.push(Stay {
                value: text(&tenant["value"]),
                category: text(&tenant["category"]),
                bytes: number(&tenant["bytes"]),
                slot,
                block: number(&about["block"]) as usize,
                offset: number(&about["offset"]),
                from,
                until: until.unwrap_or(actions.len()),
            });
        }
    }
    stays.sort_by_key(|stay| stay.from);
    stays
}

/// Stays that are live after `action`, checked against the plan's live bytes.
pub fn live(plan: &Value, stays: &[Stay], action: usize) -> Vec<Stay> {
    let live: Vec<_> =
        stays.iter().filter(|stay| stay.from <= action && action < stay.until).cloned().collect();
    for category in ACTIVATIONS {
        let sum: u64 = live.iter().filter(|stay| stay.category == category).map(|stay| stay.bytes).sum();
        assert_eq!(sum, number(&plan["live_bytes"][category][action]), "{category} after action {action}");
    }
    live
}

/// The page's name for a part of the step.
pub fn part_name(part: &Value) -> String {
    let [first, last] = [number(&part["layers"][0]), number(&part["layers"][1]) - 1];
    match part["part"].as_str().unwrap() {
        "forward" => "forward pass".to_owned(),
        _ if first == last => format!("layer {first}"),
        _ => format!("layers {first}–{last}"),
    }
}

/// The page's words for an action, its inputs and its output, by field.
pub fn words(plan: &Value, index: usize) -> BTreeMap<&'static str, String> {
    let action = &plan["actions"][index];
    let kind = action["action"].as_str().unwrap();
    if kind == "release" {
        return BTreeMap::from([("does", format!("release slot {}", number(&action["slot"])))]);
    }
    let operands = |key: &str| {
        let operand =
            |operand: &Value| format!("{} in slot {}", text(&operand["value"]), number(&operand["slot"]));
        list(&action[key]).iter().map(operand).collect::<Vec<_>>().join(", ")
    };
    let kept = if action["keep"] == true { ", kept" } else { "" };
    let layers = action["layers"].as_array().map(|pair| (number(&pair[0]), number(&pair[1]) - 1));
    let does = match layers {
        None => kind.to_owned(),
        Some((first, last)) if first == last => format!("{kind} layer {first}{kept}"),
        Some((first, last)) => format!("{kind} layers {first}–{last}{kept}"),
    };
    let writes = match operands("writes") {
        none if none.is_empty() => "parameters only".to_owned(),
        writes => writes,
    };
    BTreeMap::from([("does", does), ("reads", operands("reads")), ("writes", writes)])
}

/// Index of the part of the step that `action` belongs to.
pub fn part_of(plan: &Value, action: usize) -> usize {
    let holds =
        |part: &Value| (number(&part["actions"][0])..number(&part["actions"][1])).contains(&(action as u64));
    list(&plan["interval_peaks"]).iter().position(holds).unwrap()
}

pub fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("no list: {value}"))
}

#[track_caller]
pub fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("no integer: {value}"))
}

#[track_caller]
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}
