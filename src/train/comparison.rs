use std::sync::Arc;

use super::{Epoch, Machine, MemoryReport, RunPlanner, Trainer};
use crate::config::{Placement, Settings};
use crate::data::Dataset;
use crate::device::DeviceInfo;
use crate::model::Parameters;
use crate::plan::{Chain, Plan};
use crate::strategy::Strategy;
use crate::{Error, Result, Setting};

/// Steps of each strategy's warm-up run, so that no timed run waits for a driver to compile kernels.
const WARM_UP_STEPS: u64 = 2;

/// Trainings of one network from the same parameters under several strategies, in turns.
pub struct Comparison {
    /// The device that they ran on.
    pub device: DeviceInfo,
    /// One per strategy, in the requested order but store-all first. The first is the baseline.
    pub contenders: Vec<Contender>,
    /// Kernels that the driver refused. Simpler ones did their work.
    pub refusals: Vec<Error>,
}

/// One strategy with the results of its runs.
pub struct Contender {
    /// The strategy.
    pub strategy: Strategy,
    /// Its plan.
    pub plan: Plan,
    /// Samples in a micro-batch.
    pub micro_batch: usize,
    /// Micro-batches in a mini-batch.
    pub parts: usize,
    /// Epochs of the first run.
    pub epochs: Vec<Epoch>,
    /// Wall time of all steps of each run, without evaluations, in seconds.
    pub seconds: Vec<f64>,
    /// Memory of the first run.
    pub memory: MemoryReport,
    /// [`Parameters::sha256`] after each run.
    pub weights_sha256: Vec<String>,
}

/// Progress of a comparison.
#[derive(Debug, Clone, Copy)]
pub struct Turn {
    /// Index of this run, over all strategies.
    pub run: usize,
    /// Number of runs, over all strategies.
    pub runs: usize,
    /// The strategy of this run.
    pub strategy: Strategy,
    /// Steps made so far in this run.
    pub step: u64,
    /// Steps of each run.
    pub steps: u64,
}

impl Comparison {
    /// Trains `repeats` times under each of `strategies`, from `parameters`.
    ///
    /// Strategies alternate, and each round starts with another one, so that a machine that slows down slows all of them. All
    /// run on `machine`, one after the other. `on_step` is called after each step.
    ///
    /// # Errors
    /// Those of [`Trainer::on`] and [`Trainer::epoch`]. All strategies are planned before the first runs.
    pub fn run(
        machine: &Machine,
        settings: &Settings,
        strategies: &[Strategy],
        repeats: usize,
        data: &Arc<Dataset>,
        parameters: &Parameters,
        mut on_step: impl FnMut(Turn),
    ) -> Result<Self> {
        let with = |strategy| {
            let placement = Placement { strategy, ..settings.placement };
            Settings { placement, ..settings.clone() }
        };
        let planner = RunPlanner::new(machine.target(), data.shape());
        let strategies = distinct(&planner.chain(settings)?, strategies)?;
        for &strategy in &strategies {
            planner.plan(&with(strategy))?;
        }
        let mut refusals = Vec::new();
        for &strategy in &strategies {
            let mut warm_up = with(strategy);
            warm_up.optimization.steps = Some(WARM_UP_STEPS);
            let mut trainer = Trainer::on(machine, &warm_up, data, parameters)?;
            trainer.epoch(|_| ())?;
            refusals.extend(trainer.take_refusals());
        }

        let mut contenders: Vec<Option<Contender>> = strategies.iter().map(|_| None).collect();
        let runs = match repeats.checked_mul(strategies.len()) {
            Some(runs) if runs > 0 => runs,
            _ => {
                let problem = format!("found {repeats}, expected at least 1, and no more than can be run");
                return Err(Error::usage(Setting::Repeats, problem));
            }
        };
        for run in 0..runs {
            let (round, place) = (run / strategies.len(), run % strategies.len());
            let index = (round + place) % strategies.len();
            let strategy = strategies[index];
            let mut trainer = Trainer::on(machine, &with(strategy), data, parameters)?;
            let steps = trainer.total_steps();
            let mut epochs = Vec::new();
            while !trainer.is_done() {
                epochs.push(trainer.epoch(|step| on_step(Turn { run, runs, strategy, step, steps }))?);
            }
            let hash = trainer.parameters_sha256()?;
            let contender = contenders[index].get_or_insert_with(|| Contender {
                strategy,
                plan: trainer.plan().clone(),
                micro_batch: trainer.micro_batch(),
                parts: trainer.parts(),
                epochs,
                seconds: Vec::new(),
                memory: trainer.memory(),
                weights_sha256: Vec::new(),
            });
            contender.seconds.push(trainer.training_time().as_secs_f64());
            contender.weights_sha256.push(hash);
        }
        let contenders = contenders.into_iter().flatten().collect();
        Ok(Comparison { device: machine.info(), contenders, refusals })
    }
}

impl Comparison {
    /// The contender that the others are compared with.
    pub fn baseline(&self) -> &Contender {
        &self.contenders[0]
    }

    /// The strategy of `contender`, and the micro-batches that a budget has chosen for it.
    pub fn name(&self, contender: &Contender) -> String {
        let Contender { strategy, micro_batch, parts, .. } = contender;
        if *parts == self.baseline().parts {
            return strategy.to_string();
        }
        format!("{strategy}, {parts} × {micro_batch}")
    }

    /// Time of `contender` relative to the baseline: the median over rounds.
    pub fn time_ratio(&self, contender: &Contender) -> f64 {
        median(self.time_ratios(contender).collect())
    }

    /// Smallest and largest time of `contender` relative to the baseline, over rounds.
    pub fn time_ratio_range(&self, contender: &Contender) -> [f64; 2] {
        range(self.time_ratios(contender))
    }

    fn time_ratios<'a>(&'a self, contender: &'a Contender) -> impl Iterator<Item = f64> + 'a {
        let rounds = contender.seconds.iter().zip(&self.baseline().seconds);
        rounds.map(|(seconds, baseline)| seconds / baseline)
    }

    /// FLOPs of a step of `contender` relative to the baseline.
    pub fn predicted_ratio(&self, contender: &Contender) -> f64 {
        contender.step_flops() as f64 / self.baseline().step_flops().max(1) as f64
    }

    /// `true` if every run of `contender` ended with weights bit-identical to those of the baseline's first run.
    pub fn has_equal_weights(&self, contender: &Contender) -> bool {
        contender.weights_sha256.iter().all(|hash| *hash == self.baseline().weights_sha256[0])
    }

    /// Device bytes that `contender` saves over the baseline; negative if it takes more.
    pub fn saved_bytes(&self, contender: &Contender) -> i64 {
        self.baseline().memory.counted.total() as i64 - contender.memory.counted.total() as i64
    }
}

impl Contender {
    /// FLOPs of a mini-batch's matrix products.
    pub fn step_flops(&self) -> u64 {
        self.parts as u64 * self.plan.step_flops()
    }

    /// Median time of its runs, in seconds.
    pub fn median_seconds(&self) -> f64 {
        median(self.seconds.clone())
    }

    /// Times of its shortest and longest runs, in seconds.
    pub fn range_seconds(&self) -> [f64; 2] {
        range(self.seconds.iter().copied())
    }

    /// Final accuracy on the test split, for class labels.
    pub fn accuracy(&self) -> Option<f64> {
        self.epochs.last()?.test.accuracy
    }
}

/// `strategies` without repetitions, store-all first.
fn distinct(chain: &Chain, strategies: &[Strategy]) -> Result<Vec<Strategy>> {
    let mut distinct = Vec::new();
    for strategy in strategies {
        let strategy = strategy.resolved(chain);
        if !distinct.contains(&strategy) {
            distinct.push(strategy);
        }
    }
    if distinct.is_empty() {
        return Err(Error::usage(Setting::Every, "found no strategy to compare, expected at least one"));
    }
    distinct.sort_by_key(|strategy| *strategy != Strategy::StoreAll);
    Ok(distinct)
}

fn range(values: impl Iterator<Item = f64>) -> [f64; 2] {
    values.fold([f64::INFINITY, 0.0], |[least, most], value| [least.min(value), most.max(value)])
}

/// The median of `values`; NaN if there are none.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        count if count.is_multiple_of(2) => (values[count / 2 - 1] + values[count / 2]) / 2.0,
        count => values[count / 2],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_by_hand() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(Vec::new()).is_nan());
    }
}
