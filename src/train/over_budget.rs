use super::Target;
use crate::device::{DatasetPlacement, Task};
use crate::memory::{ByCategory, Category};
use crate::{Error, Setting};

impl Target {
    /// Adds to [`Error::OverBudget`] which buffers need the bytes, at least `beside` of them outside the pool, and how to lower
    /// them.
    pub(super) fn explain(
        self,
        error: Error,
        task: &Task,
        placement: DatasetPlacement,
        beside: &ByCategory,
    ) -> Error {
        let Error::OverBudget { budget, least, .. } = error else { return error };
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
            if (pool + beside[Category::Batch]) / 2 > price {
                remedies.push(match task.parts {
                    1 => format!("a smaller {}", Setting::MicroBatch),
                    _ => format!("a {} below {}", Setting::MicroBatch, task.micro_batch),
                });
            }
            remedies.push(format!("a smaller {}", Setting::Batch));
        }
        remedies.push(format!("narrower or fewer {}", Setting::Layers));
        let size = match task.parts {
            1 => String::new(),
            _ => format!(" in micro-batches of {}", task.micro_batch),
        };
        let advice = format!("{}{size}; use {}", takers.join(", "), remedies.join(", or "));
        Error::OverBudget { budget, least, advice }
    }
}
