use serde_json::{Value, json};

use crate::device::Span;
use crate::memory::{ByCategory, Category};
use crate::plan::{Action, IntervalMemory, Plan, interval_memory};
use crate::report::{PlanSummary, RunSummary};

const PROCESS: u32 = 1;
const INTERVALS: u32 = 1;
const ACTIONS: u32 = 2;

/// One step in Chrome's trace event format, which Perfetto and chrome://tracing open: intervals and actions as spans,
/// live bytes as counters. Times are by the device's clock if the step was timed; otherwise each action takes 1 µs.
///
/// The format: <https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU>
pub(super) fn step(summary: &PlanSummary, run: Option<&RunSummary>) -> String {
    let plan = summary.plan;
    let live = run.map_or(&plan.prediction.step_live, |run| &run.memory.counted_live);
    let laps = run.map(|run| run.laps).unwrap_or_default();
    let is_timed = !laps.is_empty();
    let even = [evenly(plan)];
    let intervals = interval_memory(plan, &plan.prediction.step_live);

    let mut events = vec![
        named("process_name", 0, "one step"),
        named("thread_name", INTERVALS, "intervals"),
        named("thread_name", ACTIONS, "actions"),
    ];
    // The clock starts at zero in every micro-batch.
    let mut started = 0;
    for laps in if is_timed { laps } else { &even } {
        let times: Vec<Span> = times(plan, laps)
            .map(|span| Span { start: started + span.start, end: started + span.end })
            .collect();
        for (index, (action, &time)) in plan.step.iter().zip(&times).enumerate() {
            if !action.is_release() {
                events.push(action_span(index, action, time));
            }
            events.push(counter(&live[index], time.start));
        }
        events.extend(intervals.iter().map(|row| interval_span(row, &times)));
        started = times.last().map_or(started, |time| time.end);
    }
    json!({
        "traceEvents": events,
        "displayTimeUnit": "ns",
        "otherData": {
            "strategy": summary.strategy.to_string(),
            "time": if is_timed { "measured on the device" } else { "not measured: 1 µs per action" },
        },
    })
    .to_string()
}

/// 1 µs for each action except releases.
fn evenly(plan: &Plan) -> Vec<Span> {
    let actions = plan.step.iter().filter(|action| !action.is_release()).count() as u64;
    (0..actions).map(|index| Span { start: 1000 * index, end: 1000 * (index + 1) }).collect()
}

/// Times of all actions. A release takes no time and follows the action before it at once.
fn times<'a>(plan: &'a Plan, laps: &'a [Span]) -> impl Iterator<Item = Span> + 'a {
    let mut laps = laps.iter();
    let mut now = 0;
    plan.step.iter().map(move |action| {
        let at_once = Span { start: now, end: now };
        let span = if action.is_release() { at_once } else { laps.next().copied().unwrap_or(at_once) };
        now = span.end;
        span
    })
}

fn action_span(index: usize, action: &Action, time: Span) -> Value {
    let (kind, name) = match action {
        Action::Run(run) => (run.op.name(), run.op.to_string()),
        Action::Release { .. } => ("release", action.to_string()),
    };
    span(ACTIONS, kind, &name, time, json!({ "action": index, "does": action.to_string() }))
}

fn interval_span(row: &IntervalMemory, times: &[Span]) -> Value {
    let time = Span { start: times[row.actions.start].start, end: times[row.actions.end - 1].end };
    let (first, last) = (row.layers.start, row.layers.end - 1);
    let name = if row.is_forward_pass {
        "forward pass".to_owned()
    } else if first == last {
        format!("layer {first}")
    } else {
        format!("layers {first}-{last}")
    };
    let about = json!({ "live peak bytes": row.at_peak.total(), "peak action": row.peak_action });
    span(INTERVALS, "interval", &name, time, about)
}

fn span(thread: u32, kind: &str, name: &str, time: Span, about: Value) -> Value {
    json!({
        "ph": "X",
        "pid": PROCESS,
        "tid": thread,
        "cat": kind,
        "name": name,
        "ts": microseconds(time.start),
        "dur": microseconds(time.end.saturating_sub(time.start)),
        "args": about,
    })
}

fn counter(live: &ByCategory, at: u64) -> Value {
    let bytes: Value = Category::ACTIVATIONS
        .iter()
        .map(|&category| (category.name().to_owned(), json!(live[category])))
        .collect();
    json!({ "ph": "C", "pid": PROCESS, "name": "live bytes", "ts": microseconds(at), "args": bytes })
}

fn named(what: &str, thread: u32, name: &str) -> Value {
    json!({ "ph": "M", "pid": PROCESS, "tid": thread, "name": what, "args": { "name": name } })
}

/// Converts nanoseconds to the format's unit.
fn microseconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1000.0
}
