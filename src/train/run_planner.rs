use super::largest::largest;
use super::{LargestBatch, Planned, Target, task};
use crate::config::{Batching, Settings};
use crate::data::DatasetShape;
use crate::device::{Division, Task};
use crate::plan::Chain;
use crate::strategy::Strategy;
use crate::{Error, Result, Setting};

/// Plans runs on data of one shape for one target, under any settings. Nothing is allocated, and no sample is needed.
#[derive(Debug, Clone, Copy)]
pub struct RunPlanner {
    /// The target, whatever device settings name.
    pub target: Target,
    /// Shape of the dataset.
    pub data: DatasetShape,
    /// [`Task::slices`]
    pub slices: Option<usize>,
}

/// Largest numbers that a budget allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Largest {
    /// Without recomputation; `None` if there is none.
    pub stored: Option<usize>,
    /// With recomputation.
    pub planned: usize,
}

impl RunPlanner {
    /// A planner of new runs.
    pub fn new(target: Target, data: DatasetShape) -> Self {
        RunPlanner { target, data, slices: None }
    }

    /// Plans a run.
    ///
    /// # Errors
    /// Those of [`Target::plan`], and [`Error::Usage`] for settings that contradict each other.
    pub fn plan(&self, settings: &Settings) -> Result<Planned> {
        self.with_task(settings, |task| {
            self.target.plan(settings.placement.strategy, task, settings.placement.dataset)
        })
    }

    /// Plans a run, `None` if it does not fit the device or its budget.
    ///
    /// # Errors
    /// As [`RunPlanner::plan`], but for these two.
    pub fn plan_if_it_fits(&self, settings: &Settings) -> Result<Option<Planned>> {
        self.with_task(settings, |task| {
            let (strategy, placement) = (settings.placement.strategy, settings.placement.dataset);
            match self.target.plan_divided(strategy, task, placement).map_err(|refusal| refusal.error) {
                Ok(planned) => Ok(Some(planned)),
                Err(Error::OverBudget { .. } | Error::DoesNotFit(_)) => Ok(None),
                Err(error) => Err(error),
            }
        })
    }

    /// Plans a run in those micro-batches that are expected to take the least time within its budget, whichever the settings
    /// give: the whole mini-batch, or smaller ones with the same bits; if none of these stores all states, any that divide
    /// the batch.
    ///
    /// # Errors
    /// As [`RunPlanner::plan`].
    pub fn plan_divided(&self, settings: &Settings) -> Result<Planned> {
        let batching = Batching { micro_batch: None, ..settings.batching };
        let settings = Settings { batching, ..settings.clone() };
        self.with_task(&settings, |task| {
            let task = Task { division: Division::Any, ..*task };
            self.target.plan(settings.placement.strategy, &task, settings.placement.dataset)
        })
    }

    /// As [`RunPlanner::plan_divided`], for a run whose plan in one piece is known to recompute so many forward passes, and is not
    /// made again. `None` if no smaller micro-batches are expected to take less time, or without a budget.
    ///
    /// # Errors
    /// Those of [`Settings::validate`].
    pub fn faster_division(&self, settings: &Settings, recomputed: f64) -> Result<Option<Planned>> {
        let Strategy::Budget(budget) = settings.placement.strategy else { return Ok(None) };
        self.with_task(settings, |task| {
            Ok(self.target.faster_division(budget, task, settings.placement.dataset, recomputed))
        })
    }

    /// The largest batch that the budget of `settings` allows, as [`Target::largest_batch`] finds it: at most all training
    /// samples, if the dataset has any.
    ///
    /// # Errors
    /// [`Error::Usage`] without a budget; as [`RunPlanner::plan`] for a batch of one sample if that does not fit.
    pub fn largest_batch(&self, settings: &Settings) -> Result<LargestBatch> {
        let Strategy::Budget(budget) = settings.placement.strategy else {
            return Err(Error::usage(Setting::Budget, "found none, expected one that the batch is to fill"));
        };
        let most = match self.data.train.samples {
            0 => Batching::MOST_SAMPLES,
            samples => samples,
        };
        let batching = Batching { batch: 1, micro_batch: None, ..settings.batching };
        let smallest = Settings { batching, ..settings.clone() };
        let largest = self.with_task(&smallest, |task| {
            Ok(self.target.largest_batch(task, budget, settings.placement.dataset, most))
        })?;
        match largest {
            Some(largest) => Ok(largest),
            None => Err(self
                .plan(&smallest)
                .err()
                .unwrap_or_else(|| Error::internal("no batch fits, but one sample does"))),
        }
    }

    /// The largest of the numbers from 1 to `most` for which runs with the settings that `with` gives can be planned under their
    /// budget, as if smaller numbers never took more bytes.
    ///
    /// # Errors
    /// As [`RunPlanner::plan`] for the number 1 if none can be planned.
    pub fn largest(&self, most: usize, with: impl Fn(usize) -> Settings) -> Result<Largest> {
        let may_store = |number| match with(number).placement.strategy {
            Strategy::Budget(budget) => {
                self.least_stored_bytes(&with(number)).is_ok_and(|bytes| bytes <= budget)
            }
            _ => true,
        };
        let stores = |number| {
            let planned = self.plan_if_it_fits(&with(number)).ok().flatten();
            planned.is_some_and(|planned| planned.plan.prediction.recomputed_layers == 0)
        };
        // Most bounds are met, but for bytes between values.
        let stored = largest(most, may_store)
            .and_then(|bound| Some(bound).filter(|&bound| stores(bound)).or_else(|| largest(bound, stores)));
        let fits = |number| {
            let settings = with(number);
            let (strategy, placement) = (settings.placement.strategy, settings.placement.dataset);
            self.with_task(&settings, |task| Ok(self.target.fits(strategy, task, placement))).unwrap_or(false)
        };
        match largest(most, fits) {
            Some(planned) => Ok(Largest { stored, planned }),
            None => match self.plan(&with(1)) {
                Err(error) => Err(error),
                Ok(_) => Err(Error::internal("no number can be planned, but 1 can")),
            },
        }
    }

    /// `true` if micro-batches of `micro_batch` samples give the bits of whole mini-batches.
    ///
    /// # Errors
    /// Those of [`Settings::validate`].
    pub fn keeps_bits(&self, settings: &Settings, micro_batch: usize) -> Result<bool> {
        self.with_task(settings, |task| Ok(self.target.keeps_bits(task, micro_batch)))
    }

    /// The layers of a run as the target runs them.
    ///
    /// # Errors
    /// As [`Target::chain`].
    pub fn chain(&self, settings: &Settings) -> Result<Chain> {
        self.with_task(settings, |task| self.target.chain(task))
    }

    /// Bytes that a run takes if it keeps all states, but for bytes between values.
    ///
    /// # Errors
    /// As [`RunPlanner::least_beside`].
    pub fn least_stored_bytes(&self, settings: &Settings) -> Result<u64> {
        self.with_task(settings, |task| self.target.least_stored_bytes(task, settings.placement.dataset))
    }

    /// As [`Target::least_beside`].
    ///
    /// # Errors
    /// As [`Target::least_beside`].
    pub fn least_beside(&self, settings: &Settings) -> Result<u64> {
        self.with_task(settings, |task| self.target.least_beside(task, settings.placement.dataset))
    }

    /// Expected time of a step in micro-batches of `micro_batch` samples, in FLOPs of a busy device, if `recomputed` forward
    /// passes are recomputed in each.
    ///
    /// # Errors
    /// Those of [`Settings::validate`].
    pub fn expected_time(&self, settings: &Settings, micro_batch: usize, recomputed: f64) -> Result<f64> {
        self.with_task(settings, |task| Ok(self.target.time(&task.in_micro_batches(micro_batch), recomputed)))
    }

    fn with_task<T>(&self, settings: &Settings, make: impl FnOnce(&Task) -> Result<T>) -> Result<T> {
        settings.validate()?;
        let network = settings.network.build()?;
        make(&Task { slices: self.slices, ..task(settings, &network, self.data) })
    }
}
