//! JSON: the events of a run, one object a line, and report files.

mod check;
mod comparison;
mod plan;
mod range_test;
mod results;
mod sweep;

pub use check::{check, checked};
pub use range_test::range_test;
pub use sweep::{sweep, sweep_run};

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use serde::Serialize;
use serde_json::{Value, json};

use super::{
    Choice, Content, EvaluationSummary, Lever, Origin, Outlook, PlanSummary, Report, RunSummary, SCHEMA,
};
use crate::memory::LedgerEvent;
use crate::plan::IntervalMemory;
use crate::train::{Best, Epoch, Evaluation, EvaluationRecord, MemoryReport};

/// Event before the first step. Actions, recomputed layers and FLOPs are those of one micro-batch.
pub fn plan(summary: &PlanSummary) -> Value {
    event("plan", plan_figures(summary))
}

/// Event after an epoch, which took `seconds` with its evaluations; with that on the training split, if there is one.
pub fn epoch(epoch: &Epoch, training: Option<&Evaluation>, seconds: f64) -> Value {
    let figures = extended(epoch_figures(epoch), training_figures(training));
    event("epoch", extended(figures, json!({ "seconds": seconds })))
}

/// Event after an evaluation within an epoch.
pub fn evaluation(evaluated: &EvaluationRecord) -> Value {
    event("evaluation", evaluation_figures(evaluated))
}

fn evaluation_figures(evaluated: &EvaluationRecord) -> Value {
    let EvaluationRecord { steps, loss, test, training, .. } = evaluated;
    let figures = json!({
        "steps": steps,
        "loss": loss,
        "accuracy": test.accuracy,
        "test_loss": test.loss,
        "evaluated_on": test.on.name(),
    });
    extended(figures, training_figures(training.as_ref()))
}

fn training_figures(training: Option<&Evaluation>) -> Value {
    match training {
        Some(training) => {
            json!({ "training_loss": training.loss, "training_accuracy": training.accuracy })
        }
        None => json!({}),
    }
}

/// Event after the last step.
pub fn done(run: &RunSummary) -> Value {
    event("done", run_figures(run))
}

/// Everything that is known: a report file, and the last event of a plan or a comparison.
pub fn report(report: &Report) -> Value {
    let (command, figures) = match report.content {
        Content::Plan(outlook) => (
            "plan",
            json!({
                "device": outlook.device,
                "plan": plan::plan(&outlook.summary),
                "outlook": outlook_figures(outlook),
            }),
        ),
        Content::Run(summary, run) => (
            "train",
            json!({
                "device": run.device,
                "plan": plan::plan(summary),
                "run": whole_run(run),
                "results": results::results(run.results),
            }),
        ),
        Content::Comparison(summary) => ("compare", comparison::comparison(summary)),
        Content::Evaluation(summary) => ("eval", evaluated(summary)),
    };
    let about = json!({
        "command": command,
        "program": concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION")),
        "settings": settings(&report.origin),
    });
    event("report", extended(about, figures))
}

/// [`report()`] as a file's text.
pub(super) fn text(report: &Report) -> String {
    self::report(report).to_string()
}

/// Everything needed to repeat a command except a run's strategy, which the plan has.
pub(super) fn settings(origin: &Origin) -> Value {
    let (settings, data, init) = match origin {
        Origin::Run { settings, data, init } => (settings, data, init),
        Origin::Evaluation { model, data, validation, seed, batch } => {
            return json!({
                "model": shown(model),
                "data": shown(data),
                "validation": validation,
                "seed": seed,
                "batch": batch,
            });
        }
    };
    json!({
        "data": shown(data),
        "init": init.map(shown),
        "layers": settings.network.layers.to_string(),
        "activation": settings.network.activation,
        "loss": settings.network.loss,
        "residual": settings.network.residual,
        "normalisation": settings.network.normalisation,
        "dropout": short(settings.network.dropout),
        "initialiser": settings.network.initialiser,
        "optimizer": settings.optimization.rule.optimizer.name(),
        "lr": short(settings.optimization.lr),
        "schedule": settings.optimization.schedule.decay.name(),
        "ema": settings.optimization.rule.ema.map(short),
        "batch": settings.batching.batch,
        "micro_batch": settings.batching.micro_batch,
        "drop_last": settings.batching.drop_last,
        "label_smoothing": short(settings.optimization.label_smoothing),
        "epochs": if settings.optimization.steps.is_none() { Some(settings.optimization.epochs) } else { None },
        "steps": settings.optimization.steps,
        "seed": settings.optimization.seed,
        "shuffle": settings.optimization.shuffle,
        "dataset": settings.placement.dataset.name(),
    })
}

/// `path` as JSON can hold it: names need not be UTF-8.
fn shown(path: &Path) -> Cow<'_, str> {
    path.to_string_lossy()
}

/// A double with the decimal digits that tell `value` apart, as a setting was given, which are fewer than those of its exact
/// value; `None` for NaN and infinities, which JSON does not have.
fn short(value: f32) -> Option<f64> {
    value.to_string().parse().ok().filter(|double: &f64| double.is_finite())
}

/// An object that begins with the schema and the event's name.
fn event(name: &str, figures: Value) -> Value {
    extended(json!({ "schema": SCHEMA, "event": name }), figures)
}

fn extended(mut object: Value, more: Value) -> Value {
    if let (Value::Object(object), Value::Object(more)) = (&mut object, more) {
        object.extend(more);
    }
    object
}

fn plan_figures(summary: &PlanSummary) -> Value {
    let &PlanSummary { strategy, network, plan, planned, micro_batch, parts } = summary;
    let prediction = &plan.prediction;
    json!({
        "strategy": strategy.to_string(),
        "network": network,
        "micro_batch": micro_batch,
        "parts": parts,
        "intervals": plan.intervals.iter().map(range).collect::<Vec<_>>(),
        "slot_count": plan.slots.len(),
        "action_count": plan.step.len(),
        "planned_peak_bytes": planned.total(),
        "planned_activation_bytes": planned.pool(),
        "planned_live_peak_bytes": plan.peak_live_bytes(),
        "categories": planned,
        "forward_flops": prediction.forward_flops,
        "recomputed_layers": prediction.recomputed_layers,
        "recomputed_flops": prediction.recomputed_flops,
    })
}

fn epoch_figures(epoch: &Epoch) -> Value {
    json!({
        "epoch": epoch.index,
        "loss": epoch.loss,
        "accuracy": epoch.test.accuracy,
        "test_loss": epoch.test.loss,
        "evaluated_on": epoch.test.on.name(),
    })
}

fn run_figures(run: &RunSummary) -> Value {
    json!({
        "steps": run.steps,
        "seconds": run.seconds,
        "device": run.device,
        "dispatches_a_step": run.dispatches_a_step,
        "memory": memory(run.memory),
        "weights_sha256": run.weights_sha256,
        "best": run.best.map(best),
        "stopped_early": run.stopped_early,
    })
}

fn best(best: &Best) -> Value {
    match best.so_far() {
        Some(best) => json!({
            "metric": best.metric,
            "value": best.value,
            "steps": best.steps,
            "evaluations_since": best.since,
        }),
        None => Value::Null,
    }
}

fn memory(memory: &MemoryReport) -> Value {
    let categories: BTreeMap<&str, Both> = (memory.planned.iter().zip(memory.counted.iter()))
        .map(|((category, planned), (_, counted))| (category.name(), Both { planned, counted }))
        .collect();
    json!({
        "planned_peak_bytes": memory.planned.total(),
        "counted_peak_bytes": memory.counted.total(),
        "driver_allocated_bytes": memory.driver.map(|driver| driver.allocated),
        "driver_reserved_bytes": memory.driver.map(|driver| driver.reserved),
        "reserved_over_budget_bytes": memory.reserved_over_budget(),
        "allocations_after_first_step": memory.allocations_after_first_step,
        "objects_after_first_step": memory.objects_after_first_step,
        "categories": categories,
        "intervals": {
            "planned": memory.planned_intervals.iter().map(interval).collect::<Vec<_>>(),
            "counted": memory.counted_intervals.iter().map(interval).collect::<Vec<_>>(),
        },
    })
}

fn whole_run(run: &RunSummary) -> Value {
    extended(
        run_figures(run),
        json!({
            "epochs": run.epochs.iter().map(epoch_figures).collect::<Vec<_>>(),
            "evaluations": run.evaluations.iter().map(run_evaluation).collect::<Vec<_>>(),
            "live_bytes": plan::live(&run.memory.counted_live),
            "laps": run.laps,
            "ledger": run.memory.events.iter().map(ledger_event).collect::<Vec<_>>(),
        }),
    )
}

fn run_evaluation(evaluated: &EvaluationRecord) -> Value {
    extended(json!({ "epoch": evaluated.epoch_index }), evaluation_figures(evaluated))
}

fn evaluated(summary: &EvaluationSummary) -> Value {
    let EvaluationSummary { network, device, planned, counted, result } = summary;
    json!({
        "device": device,
        "network": network,
        "planned_peak_bytes": planned.total(),
        "counted_peak_bytes": counted.total(),
        "results": results::results(std::slice::from_ref(result)),
    })
}

fn outlook_figures(outlook: &Outlook) -> Value {
    json!({
        "bound_flops": outlook.bound_flops,
        "compared": outlook.compared.iter().map(choice).collect::<Vec<_>>(),
        "micro_batches": outlook.micro_batches.iter().map(|row| json!({
            "micro_batch": row.micro_batch,
            "choices": row.choices.iter().map(choice).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
        "levers": outlook.levers.iter().map(lever).collect::<Vec<_>>(),
        "frontier": outlook.frontier.iter().map(choice).collect::<Vec<_>>(),
    })
}

#[derive(Serialize)]
struct Both {
    planned: u64,
    counted: u64,
}

fn ledger_event(event: &LedgerEvent) -> Value {
    json!({
        "seconds": event.at.as_secs_f64(),
        "label": *event.label,
        "came": event.came,
        "bytes": event.bytes.total(),
        "categories": plan::nonzero(&event.bytes),
    })
}

fn interval(row: &IntervalMemory) -> Value {
    json!({
        "part": if row.is_forward_pass { "forward" } else { "interval" },
        "layers": range(&row.layers),
        "actions": range(&row.actions),
        "live_bytes": row.at_peak,
        "live_peak_bytes": row.at_peak.total(),
        "peak_action": row.peak_action,
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

fn lever(lever: &Lever) -> Value {
    let effect = lever.effect.as_ref().map(|effect| {
        let ratios = json!({
            "step_flops_ratio": effect.step_flops_ratio,
            "expected_time_ratio": effect.expected_time_ratio,
        });
        extended(choice(&effect.choice), ratios)
    });
    json!({
        "change": lever.change,
        "micro_batch": lever.micro_batch,
        "parts": lever.parts,
        "effect": effect,
        "fastest": lever.is_fastest,
    })
}

fn range(range: &Range<usize>) -> [usize; 2] {
    [range.start, range.end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_few_digits_and_lose_none() {
        let values = [0.1f32, -1.5e-30, 3.0, 16_777_216.0, f32::MAX];
        assert_eq!(json!(short(values[0])).to_string(), "0.1");
        assert_eq!(values.map(|value| short(value).unwrap() as f32), values);
        assert_eq!(short(f32::NAN), None);
    }
}
