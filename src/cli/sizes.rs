//! `--batch` and `--micro-batch`, as numbers or left to the planner.

use std::str::FromStr;

use super::choices::count;
use super::snapshots::Snapshots;
use crate::config::{Batching, Settings};
use crate::strategy::Strategy;
use crate::train::{LargestBatch, RunPlanner};
use crate::words::grouped;
use crate::{Error, Result, Setting};

/// A number of samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Size {
    /// As many as suit the budget.
    Auto,
    /// As many as are given.
    Samples(usize),
}

/// The two sizes, where flags give them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    pub batch: Option<Size>,
    pub micro_batch: Option<Size>,
}

impl Size {
    /// As it is written on the command line.
    pub const AUTO: &str = "auto";

    /// The number, if there is one.
    pub fn samples(self) -> Option<usize> {
        match self {
            Size::Auto => None,
            Size::Samples(samples) => Some(samples),
        }
    }
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            Size::AUTO => Ok(Size::Auto),
            _ => count(text).map(Size::Samples).map_err(|problem| format!("{problem}, or auto")),
        }
    }
}

impl Sizes {
    /// `true` if one of them is left to the planner.
    pub fn is_open(self) -> bool {
        [self.batch, self.micro_batch].contains(&Some(Size::Auto))
    }

    /// Checks that there is a budget to choose sizes for, one of them at most.
    ///
    /// # Errors
    /// [`Error::Usage`] about the size that cannot be chosen.
    pub fn check(self, strategy: Strategy) -> Result<()> {
        let has_budget = matches!(strategy, Strategy::Budget(_));
        for (setting, size) in [(Setting::Batch, self.batch), (Setting::MicroBatch, self.micro_batch)] {
            if size == Some(Size::Auto) && !has_budget {
                let problem = format!(
                    "found auto without {}, which it is chosen for; give both, or a number",
                    Setting::Budget
                );
                return Err(Error::usage(setting, problem));
            }
        }
        if self.batch == Some(Size::Auto) && self.micro_batch.is_some() {
            let problem = format!(
                "found auto beside {0}, in which a batch of any size takes the same bytes; use a number, or leave out {0}",
                Setting::MicroBatch
            );
            return Err(Error::usage(Setting::Batch, problem));
        }
        Ok(())
    }

    /// `settings` with the sizes that are left open: those of the run that `snapshots` resume, or else as
    /// [`Sizes::chosen`] has them.
    ///
    /// # Errors
    /// As [`Sizes::chosen`], and for snapshots that cannot be read.
    pub fn settled(
        self,
        settings: Settings,
        snapshots: Option<&mut Snapshots>,
        planner: &RunPlanner,
        tell: &mut dyn FnMut(&str),
    ) -> Result<Settings> {
        if !self.is_open() {
            return Ok(settings);
        }
        let Some([batch, micro_batch]) = snapshots.map(Snapshots::resumed_sizes).transpose()?.flatten()
        else {
            return self.chosen(settings, planner, tell);
        };
        let mut batching = settings.batching;
        if self.batch == Some(Size::Auto) {
            batching.batch = batch;
        }
        if self.micro_batch == Some(Size::Auto) {
            // A budget may divide a batch that was in one piece, as it did before.
            batching.micro_batch = Some(micro_batch).filter(|&size| size != batch);
        }
        Ok(Settings { batching, ..settings })
    }

    /// `settings`, with their budget, with the sizes that are left to `planner`; `tell` takes a line about them.
    ///
    /// # Errors
    /// Those of [`RunPlanner::plan_divided`] and [`RunPlanner::largest_batch`].
    pub fn chosen(
        self,
        settings: Settings,
        planner: &RunPlanner,
        tell: &mut dyn FnMut(&str),
    ) -> Result<Settings> {
        let mut batching = settings.batching;
        if self.batch == Some(Size::Auto) {
            let LargestBatch { batch, stores_all } = planner.largest_batch(&settings)?;
            batching = Batching { batch, micro_batch: None, ..batching };
            let which = match stores_all {
                _ if batch == planner.data.train.samples => "all training samples",
                true => "the most whose activations --budget stores",
                false => "the most that --budget allows in one piece, with recomputation",
            };
            tell(&format!("--batch auto takes mini-batches of {}: {which}", grouped(batch as u64)));
        }
        if self.micro_batch == Some(Size::Auto) {
            let planned = planner.plan_divided(&settings)?;
            batching.micro_batch = Some(planned.micro_batch);
            let recomputed = match planned.plan.prediction.recomputed_share() {
                0.0 => "recomputes nothing".to_owned(),
                share => format!("recomputes {:.0} % of a forward pass", 100.0 * share),
            };
            tell(&match planned.parts {
                1 => format!("--micro-batch auto runs each batch in one piece, and {recomputed}"),
                parts => {
                    let bits = if planner.keeps_bits(&settings, planned.micro_batch)? {
                        "with the same bits as"
                    } else {
                        "whose sums round differently from those"
                    };
                    format!(
                        "--micro-batch auto runs each batch in {} micro-batches of {}, {bits} in one piece, and {recomputed}",
                        grouped(parts as u64),
                        grouped(planned.micro_batch as u64)
                    )
                }
            });
        }
        Ok(Settings { batching, ..settings })
    }
}
