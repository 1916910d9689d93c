use std::sync::Arc;

use super::{Epoch, Machine, MemoryReport, Trainer, task};
use crate::config::{Placement, Settings};
use crate::data::Dataset;
use crate::device::DeviceInfo;
use crate::model::Parameters;
use crate::plan::{Chain, Plan};
use crate::strategy::Strategy;
use crate::{Error, Result, Setting};

/// Steps before the first run that is timed, so that no run waits for a driver to compile kernels.
const WARM_UP_STEPS: u64 = 2;

/// Several strategies that trained the same network from the same parameters, in turns.
pub struct Comparison {
    /// What they trained on.
    pub device: DeviceInfo,
    /// In the order that was asked for, but store-all, if it takes part, first. The others are held against the first.
    pub contenders: Vec<Contender>,
}

/// One strategy, and what its runs showed.
pub struct Contender {
    /// The strategy.
    pub strategy: Strategy,
    /// What its steps do.
    pub plan: Plan,
    /// Its epochs in the first run.
    pub epochs: Vec<Epoch>,
    /// Wall time of all steps of each run, without evaluations, in seconds.
    pub seconds: Vec<f64>,
    /// Memory in the first run.
    pub memory: MemoryReport,
    /// [`Parameters::sha256`] after each run.
    pub weights_sha256: Vec<String>,
}

/// How far a comparison is.
#[derive(Debug, Clone, Copy)]
pub struct Turn {
    /// Runs before this one, over all strategies.
    pub run: usize,
    /// Runs in all.
    pub runs: usize,
    /// Who trains.
    pub strategy: Strategy,
    /// Steps made in this run.
    pub step: u64,
    /// Steps of every run.
    pub steps: u64,
}

impl Comparison {
    /// Trains `repeats` times under every one of `strategies`, from `parameters`.
    ///
    /// Runs of different strategies alternate, each round beginning with another one, so that a machine that slows down slows all of
    /// them. All run on `machine`, one after the other. `on_step` is told of every step.
    ///
    /// # Errors
    /// Those of [`Trainer::on`] and [`Trainer::epoch`]; plans are made for all strategies before any of them runs.
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
        let network = settings.network.build()?;
        let task = task(settings, &network, data.shape());
        let strategies = distinct(&machine.target().chain(&task)?, strategies)?;
        for &strategy in &strategies {
            machine.target().plan(strategy, &task, settings.placement.dataset)?;
        }
        let mut warm_up = with(strategies[0]);
        warm_up.optimization.steps = Some(WARM_UP_STEPS);
        Trainer::on(machine, &warm_up, data, parameters)?.epoch(|_| ())?;

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
            let hash = trainer.parameters()?.sha256();
            let contender = contenders[index].get_or_insert_with(|| Contender {
                strategy,
                plan: trainer.plan().clone(),
                epochs,
                seconds: Vec::new(),
                memory: trainer.memory(),
                weights_sha256: Vec::new(),
            });
            contender.seconds.push(trainer.training_time().as_secs_f64());
            contender.weights_sha256.push(hash);
        }
        Ok(Comparison { device: machine.info(), contenders: contenders.into_iter().flatten().collect() })
    }
}

impl Comparison {
    /// What the others are held against.
    pub fn baseline(&self) -> &Contender {
        &self.contenders[0]
    }

    /// How much longer `contender` took than the baseline: the median over rounds.
    pub fn time_ratio(&self, contender: &Contender) -> f64 {
        median(self.time_ratios(contender).collect())
    }

    /// The least and the most of the rounds.
    pub fn time_ratio_range(&self, contender: &Contender) -> [f64; 2] {
        range(self.time_ratios(contender))
    }

    fn time_ratios<'a>(&'a self, contender: &'a Contender) -> impl Iterator<Item = f64> + 'a {
        let rounds = contender.seconds.iter().zip(&self.baseline().seconds);
        rounds.map(|(seconds, baseline)| seconds / baseline)
    }

    /// How much longer it would take if time were FLOPs.
    pub fn predicted_ratio(&self, contender: &Contender) -> f64 {
        contender.plan.step_flops() as f64 / self.baseline().plan.step_flops().max(1) as f64
    }

    /// Whether every run of `contender` ended with the weights of the baseline's first run, to the last bit.
    pub fn has_equal_weights(&self, contender: &Contender) -> bool {
        contender.weights_sha256.iter().all(|hash| *hash == self.baseline().weights_sha256[0])
    }

    /// Bytes on the device that `contender` saves against the baseline; negative where it takes more.
    pub fn saved_bytes(&self, contender: &Contender) -> i64 {
        self.baseline().memory.counted.total() as i64 - contender.memory.counted.total() as i64
    }
}

impl Contender {
    /// The median over its runs.
    pub fn median_seconds(&self) -> f64 {
        median(self.seconds.clone())
    }

    /// The shortest and the longest of its runs, in seconds.
    pub fn range_seconds(&self) -> [f64; 2] {
        range(self.seconds.iter().copied())
    }

    /// The share of the test split that it predicts right in the end, where targets are classes.
    pub fn accuracy(&self) -> Option<f64> {
        self.epochs.last()?.test.accuracy
    }
}

/// Each of `strategies` once, store-all first if it is among them.
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

/// NaN of nothing.
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
    fn medians_are_in_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(Vec::new()).is_nan());
    }
}
