use super::Target;
use crate::config::halvings;
use crate::device::{DatasetPlacement, Task};
use crate::memory::Category;
use crate::strategy::Strategy;
use crate::{Error, Setting};

impl Target {
    /// Adds to [`Error::OverBudget`] which buffers need the bytes, and how to lower them.
    pub(super) fn explain(
        self,
        error: Error,
        strategy: Strategy,
        task: &Task,
        placement: DatasetPlacement,
    ) -> Error {
        let Error::OverBudget { budget, least, .. } = error else { return error };
        let beside = match self.smallest_beside(task, placement) {
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

        let mut remedies = Vec::new();
        if placement == DatasetPlacement::Device {
            remedies.push(Setting::Dataset.with("host"));
        }
        if task.micro_batch > 1 {
            // Gradient accumulation takes as many bytes as the parameters.
            let price = if task.parts > 1 { 0 } else { beside[Category::Parameters] };
            let fits =
                |&size: &usize| self.plan_plainly(strategy, &task.in_micro_batches(size), placement).is_ok();
            if (pool + beside[Category::Batch]) / 2 > price
                && let Some(size) = halvings(task.micro_batch, |_| true).skip(1).find(fits)
            {
                remedies.push(Setting::MicroBatch.with(size));
            }
            remedies.push(format!("a smaller {}", Setting::Batch));
        }
        remedies.push("narrower or fewer layers".to_owned());
        let size = match task.parts {
            1 => String::new(),
            _ => format!(" in micro-batches of {}", task.micro_batch),
        };
        let advice = format!("{}{size}; use {}", takers.join(", "), remedies.join(", or "));
        Error::OverBudget { budget, least, advice }
    }
}
