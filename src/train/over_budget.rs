use super::Target;
use super::division::Refusal;
use crate::config::halvings;
use crate::device::{DatasetPlacement, Division, Task};
use crate::model::{Optimizer, UpdateRule};
use crate::strategy::Strategy;
use crate::{Error, Setting};

/// Most pairs of remedies that are named.
const PAIRS: usize = 3;

/// A task with one setting changed, which takes fewer bytes.
struct Change<'a> {
    setting: Setting,
    words: String,
    task: Task<'a>,
    placement: DatasetPlacement,
}

impl Target {
    /// Adds to [`Error::OverBudget`] which buffers need the bytes, and what would lower them enough.
    pub(super) fn explain(
        self,
        refusal: Refusal,
        strategy: Strategy,
        task: &Task,
        placement: DatasetPlacement,
    ) -> Error {
        let Refusal { error, micro_batch } = refusal;
        let Error::OverBudget { budget, least, .. } = error else { return error };
        let closest = task.in_micro_batches(micro_batch);
        let beside = match self.smallest_beside(&closest, placement) {
            Ok(beside) => beside,
            Err(error) => return error,
        };
        let pool = least - beside.total();
        let mut takers: Vec<(u64, &str)> =
            beside.iter().map(|(category, bytes)| (bytes, category.name())).collect();
        takers.push((pool, "activations"));
        takers.sort_by(|a, b| b.cmp(a));
        let takers: Vec<String> = takers
            .iter()
            .filter(|(bytes, _)| *bytes > 0)
            .map(|(bytes, name)| format!("{name} {bytes}"))
            .collect();
        let size = match closest.parts {
            1 => String::new(),
            _ => format!(" in micro-batches of {micro_batch}"),
        };
        let remedies = self.remedies(strategy, task, placement);
        let advice = format!("{}{size}; use {}", takers.join(", "), remedies.join(", or "));
        Error::OverBudget { budget, least, advice }
    }

    /// Settings with which `task` can be planned: one each, or if no one suffices, pairs.
    fn remedies(self, strategy: Strategy, task: &Task, placement: DatasetPlacement) -> Vec<String> {
        let changes = changes(task, placement);
        let mut words: Vec<_> = (changes.iter())
            .filter(|change| self.fits_divided(strategy, change))
            .map(|change| change.words.clone())
            .collect();
        words.extend(self.smaller_batches(strategy, task, placement));
        if !words.is_empty() {
            return words;
        }
        for one in &changes {
            let others = self::changes(&one.task, one.placement).into_iter();
            let others = others.filter(|other| other.setting > one.setting);
            let others = others.filter(|other| self.fits_divided(strategy, other)).map(|other| other.words);
            let smaller = self.smaller_batches(strategy, &one.task, one.placement);
            words.extend(others.chain(smaller).map(|other| format!("{} with {other}", one.words)));
        }
        words.truncate(PAIRS);
        if words.is_empty() {
            words.push("narrower or fewer layers".to_owned());
        }
        words
    }

    /// The largest micro-batch and the largest batch with which `task` can be planned, in words.
    fn smaller_batches(self, strategy: Strategy, task: &Task, placement: DatasetPlacement) -> Vec<String> {
        let Strategy::Budget(budget) = strategy else { return Vec::new() };
        let sizes = halvings(task.batch(), |_| true).filter(|&size| size < task.micro_batch);
        let micro_batch =
            { sizes }.find(|&size| self.fits(strategy, &task.in_micro_batches(size), placement));
        let micro_batch = micro_batch.map(|size| Setting::MicroBatch.with(size));
        let batch = self.largest_planned_batch(task, budget, placement, task.batch()).map(|size| {
            let batch = Setting::Batch.with(size);
            match task.division {
                Division::SameBits | Division::Any => batch,
                Division::None => format!("{batch} and {}", Setting::MicroBatch.with(size)),
            }
        });
        micro_batch.into_iter().chain(batch).collect()
    }

    /// `true` if `change` can be planned, in one piece or divided.
    fn fits_divided(self, strategy: Strategy, change: &Change) -> bool {
        let sizes = [change.task].into_iter().chain(self.divisions(&change.task));
        { sizes }.any(|task| self.fits(strategy, &task, change.placement))
    }
}

/// `task` with one setting changed at a time.
fn changes<'a>(task: &Task<'a>, placement: DatasetPlacement) -> Vec<Change<'a>> {
    let UpdateRule { optimizer, clip_norm, ema, .. } = task.rule;
    let with = |setting, words, rule| Change { setting, words, task: Task { rule, ..*task }, placement };
    let mut changes = Vec::new();
    if placement == DatasetPlacement::Device {
        let (setting, placement) = (Setting::Dataset, DatasetPlacement::Host);
        changes.push(Change { setting, words: setting.with("host"), task: *task, placement });
    }
    for other in [Optimizer::Momentum, Optimizer::Sgd] {
        if other.moments() < optimizer.moments() {
            let rule = UpdateRule { optimizer: other, ..task.rule };
            changes.push(with(Setting::Optimizer, Setting::Optimizer.with(other.name()), rule));
        }
    }
    if ema.is_some() {
        changes.push(with(
            Setting::Ema,
            format!("no {}", Setting::Ema),
            UpdateRule { ema: None, ..task.rule },
        ));
    }
    if clip_norm.is_some() && task.parts == 1 {
        let rule = UpdateRule { clip_norm: None, ..task.rule };
        changes.push(with(Setting::ClipNorm, format!("no {}", Setting::ClipNorm), rule));
    }
    changes
}
