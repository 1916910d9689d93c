//! Hints: flags without effect, strategies that save nothing, budgets with room to spare, and batches that they divide.

use super::setting_flags::flag;
use crate::config::{Batching, Placement, Settings, divisors};
use crate::device::DatasetPlacement;
use crate::model::{Decay, Hyperparameter, Loss, Schedule, UpdateRule};
use crate::strategy::Strategy;
use crate::train::RunPlanner;
use crate::words::{counted, grouped};

/// Share of a budget that must be unused for a hint.
const LEFT: f64 = 0.1;
/// Share of a step's FLOPs that micro-batches must save for a hint.
const GAIN: f64 = 0.1;

/// The requested plan.
pub(super) struct Asked<'a> {
    pub settings: &'a Settings,
    /// Planned bytes on the device.
    pub bytes: u64,
    /// FLOPs of recomputation as a share of a forward pass.
    pub recomputed_share: f64,
    /// Training samples, if known.
    pub samples: Option<usize>,
}

/// A line about each flag that has no effect beside the others.
pub(super) fn unused(settings: &Settings) -> Vec<String> {
    let (rule, schedule) = (&settings.optimization.rule, &settings.optimization.schedule);
    let (usual, unchanged) = (UpdateRule::of(rule.optimizer), Schedule::default());
    let uses = |hyperparameter| rule.optimizer.uses(hyperparameter);
    let any = |decays: &[Decay]| decays.contains(&schedule.decay);

    let optimizer = format!("--optimizer {}", rule.optimizer.name());
    let decay = format!("--schedule {}", schedule.decay.name());
    let numbers = [
        ("--momentum", rule.momentum != usual.momentum, uses(Hyperparameter::Momentum), &optimizer),
        ("--beta1", rule.betas[0] != usual.betas[0], uses(Hyperparameter::Beta1), &optimizer),
        ("--beta2", rule.betas[1] != usual.betas[1], uses(Hyperparameter::Beta2), &optimizer),
        ("--epsilon", rule.epsilon != usual.epsilon, uses(Hyperparameter::Epsilon), &optimizer),
        (
            "--decay-every",
            schedule.decay_every != unchanged.decay_every,
            any(&[Decay::Step, Decay::Restarts]),
            &decay,
        ),
        (
            "--decay-factor",
            schedule.decay_factor != unchanged.decay_factor,
            any(&[Decay::Step, Decay::Plateau]),
            &decay,
        ),
        (
            "--lr-floor",
            schedule.floor != unchanged.floor,
            any(&[Decay::Cosine, Decay::Restarts, Decay::OneCycle, Decay::Plateau]),
            &decay,
        ),
        (
            "--period-factor",
            schedule.period_factor != unchanged.period_factor,
            any(&[Decay::Restarts]),
            &decay,
        ),
        ("--rise", schedule.rise != unchanged.rise, any(&[Decay::OneCycle]), &decay),
        (
            "--plateau-patience",
            schedule.plateau_patience != unchanged.plateau_patience,
            any(&[Decay::Plateau]),
            &decay,
        ),
    ];
    let idle = numbers.into_iter().filter(|&(_, given, used, _)| given && !used);
    let mut lines: Vec<_> =
        idle.map(|(flag, _, _, other)| format!("{flag} has no effect with {other}")).collect();
    if settings.network.loss == Loss::CrossEntropy && settings.network.layers.0.last() == Some(&1) {
        lines.push("--loss cross-entropy of one output is always 0; use binary-cross-entropy".to_owned());
    }
    if let Some(normalisation) = settings.network.normalisation
        && settings.network.layers.0.len() == 2
    {
        lines.push(format!("{} has no effect: no layer has a hidden input", flag(normalisation.setting())));
    }
    if settings.network.dropout != 0.0 && settings.network.layers.0.len() == 2 {
        lines.push("--dropout has no effect: no layer has a hidden input".to_owned());
    }
    lines
}

/// A line about each thing that a run of so many `steps` on so many `samples` never does.
pub(super) fn never(settings: &Settings, steps: u64, samples: usize) -> Vec<String> {
    let (warm_up, batch) = (settings.optimization.schedule.warm_up, settings.batching.batch);
    let rest = samples % batch;
    let lines = [
        (warm_up > steps).then(|| {
            format!(
                "--warm-up of {} is longer than the run of {}: the learning rate never reaches --lr",
                counted(warm_up, "step"),
                counted(steps, "step")
            )
        }),
        (rest > 0 && settings.batching.drop_last && !settings.optimization.shuffle).then(|| {
            format!(
                "{rest} of {samples} training samples are never trained on: --drop-last leaves out the last mini-batch, and with \
                 --no-shuffle it is always the same; use --drop-last=false or a --batch that divides {samples}"
            )
        }),
    ];
    lines.into_iter().flatten().collect()
}

/// A line about a budget that has divided batches into micro-batches of `micro_batch` samples.
pub(super) fn division(settings: &Settings, micro_batch: usize) -> Option<String> {
    let Batching { batch, micro_batch: asked, .. } = settings.batching;
    (asked.is_none() && micro_batch < batch).then(|| {
        format!(
            "--budget runs each batch in {} micro-batches of {}, with the same bits as in one piece; \
             --micro-batch sets another size",
            grouped((batch / micro_batch) as u64),
            grouped(micro_batch as u64)
        )
    })
}

/// A line about a strategy that saves no memory or leaves much of its budget unused; `planner` plans other settings.
pub(super) fn hint(asked: &Asked, planner: &RunPlanner) -> Option<String> {
    match asked.settings.placement.strategy {
        Strategy::EveryN(1..) | Strategy::EveryAuto => every(asked, planner),
        Strategy::Budget(budget) => recomputation(asked, planner).or_else(|| room(asked, budget, planner)),
        Strategy::StoreAll | Strategy::EveryN(0) => None,
    }
}

/// Hint for fewer checkpoints that save no bytes.
fn every(asked: &Asked, planner: &RunPlanner) -> Option<String> {
    let mut keep_all = asked.settings.clone();
    keep_all.placement.strategy = Strategy::StoreAll;
    let all = planner.plan(&keep_all).ok()?.bytes().total();
    if asked.bytes < all {
        return None;
    }
    let flag = match asked.settings.placement.strategy {
        Strategy::EveryN(n) => format!("--every {n}"),
        _ => "--every auto".to_owned(),
    };
    Some(format!(
        "{flag} saves no memory here: its planned peak is {} bytes, and that of --every 0, which recomputes nothing, {}",
        grouped(asked.bytes),
        grouped(all)
    ))
}

/// Hint for a budget under which much is recomputed that micro-batches would store.
fn recomputation(asked: &Asked, planner: &RunPlanner) -> Option<String> {
    if asked.recomputed_share == 0.0 {
        return None;
    }
    let divided = match asked.settings.batching.micro_batch {
        None => planner.faster_division(asked.settings, asked.recomputed_share).ok()??,
        Some(_) => planner.plan_divided(asked.settings).ok()?,
    };
    let share = divided.plan.prediction.recomputed_share();
    let flops = (3.0 + share) / (3.0 + asked.recomputed_share);
    if flops > 1.0 - GAIN {
        return None;
    }
    let recomputed = match share {
        0.0 => "nothing".to_owned(),
        share => format!("{:.0} %", 100.0 * share),
    };
    Some(format!(
        "--micro-batch auto would recompute {recomputed} in place of {:.0} % of a forward pass, in {} micro-batches of {}: a step \
         takes {flops:.2} times the FLOPs",
        100.0 * asked.recomputed_share,
        grouped(divided.parts as u64),
        grouped(divided.micro_batch as u64)
    ))
}

/// Hint for a budget that keeps everything and has much left.
fn room(asked: &Asked, budget: u64, planner: &RunPlanner) -> Option<String> {
    let left = budget.saturating_sub(asked.bytes);
    if asked.recomputed_share > 0.0 || left as f64 <= LEFT * budget as f64 {
        return None;
    }
    let larger = larger(asked).filter(|(_, settings)| fits(settings, budget, planner));
    let advice = match larger {
        Some((flag, _)) => format!("; {flag} would fit as well"),
        None => String::new(),
    };
    Some(format!(
        "--budget leaves {} of its {} bytes unused: keeping everything takes {}{advice}",
        grouped(left),
        grouped(budget),
        grouped(asked.bytes)
    ))
}

/// The next larger micro-batch, else twice the batch, at most all samples.
fn larger(asked: &Asked) -> Option<(String, Settings)> {
    let Batching { batch, .. } = asked.settings.batching;
    let micro_batch = asked.settings.batching.micro_batch();
    let with = |batching| Settings { batching, ..asked.settings.clone() };
    if let Some(larger) = divisors(batch).filter(|&divisor| divisor > micro_batch).min() {
        let batching = Batching { micro_batch: Some(larger), ..asked.settings.batching };
        return Some((format!("--micro-batch {larger}"), with(batching)));
    }
    let larger = batch.saturating_mul(2).min(asked.samples.unwrap_or(usize::MAX));
    let batching = Batching { batch: larger, micro_batch: None, ..asked.settings.batching };
    (larger > batch).then(|| (format!("--batch {larger}"), with(batching)))
}

/// `true` if `budget` suffices to keep everything under `settings`, with the dataset in any allowed place.
fn fits(settings: &Settings, budget: u64, planner: &RunPlanner) -> bool {
    let places = match settings.placement.dataset {
        DatasetPlacement::Auto => vec![DatasetPlacement::Device, DatasetPlacement::Host],
        place => vec![place],
    };
    places.into_iter().any(|dataset| {
        let placement = Placement { strategy: Strategy::StoreAll, dataset, ..settings.placement };
        let settings = Settings { placement, ..settings.clone() };
        planner.plan(&settings).is_ok_and(|planned| planned.bytes().total() <= budget)
    })
}
