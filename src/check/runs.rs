use super::gradients::MOVE;
use super::line::{Check, Worst};
use super::problem::{BATCHES, Problem};
use crate::config::{Batching, Diagnostics, Optimization, Placement, Settings};
use crate::device::DatasetPlacement;
use crate::strategy::Strategy;
use crate::train::{Machine, MemoryReport, Trainer, task};
use crate::words::counted;
use crate::{Error, Result};

/// Most values of n tried, including 0; all up to `SMALL_N` are among them.
const MOST_N: usize = 64;
const SMALL_N: usize = 16;

/// Most micro-batches in a batch, unless its size has no smaller divisor.
const MOST_PARTS: usize = 10;

/// Runs of one problem on one machine, and the worst deviation of their memory from the plan.
pub(super) struct Runs<'a> {
    machine: &'a Machine,
    problem: &'a Problem,
    memory: Worst,
}

/// Results that runs which differ only in strategy must share: the hash of the parameters, the bits of the training loss and of the
/// test loss. An error says why the run has no result.
type Outcome = Result<(String, u32, u32), String>;

/// Number of runs whose outcome differs, and the first of them.
#[derive(Default)]
struct Compared {
    runs: usize,
    differ: usize,
    first: Option<String>,
}

impl Compared {
    fn note(&mut self, name: &str, found: &Outcome, expected: &Outcome) {
        self.runs += 1;
        if found.is_ok() && found == expected {
            return;
        }
        self.differ += 1;
        self.first.get_or_insert_with(|| match found {
            Ok(_) => name.to_owned(),
            Err(problem) => format!("{name}: {problem}"),
        });
    }

    fn check(self, name: &'static str, what: &str) -> Check {
        let first = self.first.map_or_else(String::new, |first| format!(", first {first}"));
        let detail = format!("differing runs out of {}{first}; {what}", self.runs);
        Check::new(name, self.differ as f64, 0.0, detail)
    }
}

impl<'a> Runs<'a> {
    pub fn new(machine: &'a Machine, problem: &'a Problem) -> Self {
        Runs { machine, problem, memory: Worst::default() }
    }

    /// Every n gives the weights of storing everything.
    ///
    /// As in all these checks but `repeat`, a run is one step at the huge rate of [`MOVE`], which turns every bit of every
    /// gradient into a bit of a weight, however small it is.
    pub fn every_n(&mut self, mut on_run: impl FnMut(usize, usize)) -> Result<Check> {
        let layers = self.problem.layers();
        let value = |index: usize| match index {
            _ if layers < MOST_N || index <= SMALL_N => index,
            // The rest, evenly spaced up to the last.
            _ => SMALL_N + ((index - SMALL_N) * (layers - SMALL_N)).div_ceil(MOST_N - 1 - SMALL_N),
        };
        let values: Vec<usize> = (1..MOST_N.min(layers + 1)).map(value).collect();
        let expected = self.run(&self.one_step(Strategy::EveryN(0)))?;
        let mut compared = Compared::default();
        for (index, &n) in values.iter().enumerate() {
            let found = self.run(&self.one_step(Strategy::EveryN(n)))?;
            compared.note(&format!("every {n}"), &found, &expected);
            on_run(index + 1, values.len());
        }
        let what = format!("{} of n = 1 to {layers} against 0", values.len());
        Ok(compared.check("every-n", &what))
    }

    /// Every budget gives these weights, including the smallest.
    pub fn budgets(&mut self) -> Result<Check> {
        let everything = self.one_step(Strategy::EveryN(0));
        let expected = self.run(&everything)?;
        let budgets = self.budgets_of(&everything)?;
        let mut compared = Compared::default();
        for &bytes in &budgets {
            let found = self.run(&self.one_step(Strategy::Budget(bytes)))?;
            compared.note(&format!("a budget of {bytes} bytes"), &found, &expected);
        }
        let (least, most) = (budgets[0], budgets[budgets.len() - 1]);
        Ok(compared.check("budgets", &format!("from {least} bytes, the least, to {most}")))
    }

    /// With gradient accumulation, all strategies give the same weights for one size of micro-batch.
    pub fn micro_batches(&mut self) -> Result<Check> {
        let batch = self.problem.settings.batching.batch;
        let divisors = || (2..=batch).filter(|parts| batch.is_multiple_of(*parts));
        let mut parts: Vec<usize> =
            divisors().take(1).chain(divisors().take_while(|&parts| parts <= MOST_PARTS).last()).collect();
        parts.dedup();
        let mut compared = Compared::default();
        for &parts in &parts {
            let micro_batch = Some(batch / parts);
            let in_parts = |settings: Settings| {
                let batching = Batching { micro_batch, ..settings.batching };
                Settings { batching, ..settings }
            };
            let everything = in_parts(self.one_step(Strategy::EveryN(0)));
            let expected = self.run(&everything)?;
            let least = Strategy::Budget(self.budgets_of(&everything)?[0]);
            for strategy in self.recomputing().into_iter().chain([least]) {
                let found = self.run(&in_parts(self.one_step(strategy)))?;
                compared.note(&format!("{strategy} in {parts} parts"), &found, &expected);
            }
        }
        let what = match &parts[..] {
            [] => "a batch of one sample has no parts".to_owned(),
            [parts] => format!("in {parts} parts"),
            [few, many, ..] => format!("in {few} parts and in {many}"),
        };
        Ok(compared.check("micro-batches", &what))
    }

    /// Recomputed states are bit-identical, and comparing them changes no result.
    pub fn recompute(&mut self) -> Result<Check> {
        let everything = self.one_step(Strategy::EveryN(0));
        let expected = self.run(&everything)?;
        // States to compare have to be in device memory, so budgets are larger.
        let verified = |settings| Settings {
            diagnostics: Diagnostics { verify_recompute: true, timed: false },
            ..settings
        };
        let budgets = self.budgets_of(&verified(everything))?;
        let strategies = self.recomputing().into_iter().chain(budgets.into_iter().map(Strategy::Budget));
        let (mut compared, mut states) = (Compared::default(), 0);
        for strategy in strategies {
            let (found, more) = self.run_counting(&verified(self.one_step(strategy)))?;
            compared.note(&strategy.to_string(), &found, &expected);
            states += more;
        }
        Ok(compared
            .check("recompute", &format!("{} compared bit for bit", counted(states, "recomputed state"))))
    }

    /// A few ordinary steps, shuffled and evaluated, give the same result a second time, and under every strategy.
    pub fn repeat(&mut self) -> Result<Check> {
        let settings = |strategy| {
            let mut settings = self.one_step(strategy);
            settings.optimization = Optimization {
                lr: self.problem.rate(1.0 / 64.0),
                steps: Some(BATCHES as u64),
                shuffle: true,
                ..settings.optimization
            };
            settings
        };
        let least = Strategy::Budget(self.budgets_of(&settings(Strategy::EveryN(0)))?[0]);
        let strategies: Vec<_> =
            [Strategy::EveryN(0)].into_iter().chain(self.recomputing()).chain([least]).collect();
        let all: Vec<_> = strategies.into_iter().map(|strategy| (strategy, settings(strategy))).collect();
        let mut expected = None;
        let mut compared = Compared::default();
        for (strategy, settings) in all.iter().chain(&all) {
            let found = self.run(settings)?;
            let expected = expected.get_or_insert_with(|| found.clone());
            compared.note(&strategy.to_string(), &found, expected);
        }
        Ok(compared.check("repeat", &format!("{BATCHES} steps and an evaluation each, each run twice")))
    }

    /// Counted bytes equal planned bytes in all runs so far.
    pub fn memory(self) -> Check {
        self.memory.check("memory", 0.0, "bytes between planned and counted in the worst", "runs")
    }

    fn one_step(&self, strategy: Strategy) -> Settings {
        let Settings { network, optimization, batching, placement, diagnostics } =
            self.problem.settings.clone();
        Settings {
            network,
            optimization: Optimization {
                lr: self.problem.rate(MOVE),
                epochs: 1,
                steps: Some(1),
                shuffle: false,
                ..optimization
            },
            batching: Batching { micro_batch: None, ..batching },
            placement: Placement { strategy, dataset: DatasetPlacement::Auto, ..placement },
            diagnostics: Diagnostics { verify_recompute: false, ..diagnostics },
        }
    }

    /// Strategies that recompute in many short intervals, and in one that is half the chain.
    fn recomputing(&self) -> Vec<Strategy> {
        let layers = self.problem.layers();
        let mut values = vec![2, layers.isqrt().max(2), layers.div_ceil(2)];
        values.sort_unstable();
        values.dedup();
        values.into_iter().map(Strategy::EveryN).collect()
    }

    /// The smallest budget and some larger ones, ascending, for runs that differ from `everything` only in strategy.
    fn budgets_of(&self, everything: &Settings) -> Result<Vec<u64>> {
        let task = task(everything, &self.problem.network, self.problem.data.shape());
        let target = self.machine.target();
        let most =
            target.plan(everything.placement.strategy, &task, everything.placement.dataset)?.bytes().total();
        let least = match target.plan(Strategy::Budget(1), &task, everything.placement.dataset) {
            Err(Error::OverBudget { least, .. }) => least,
            Err(error) => return Err(error),
            Ok(_) => 1,
        };
        let mut budgets: Vec<_> =
            (0..3).map(|third| least + most.saturating_sub(least) * third / 3).collect();
        budgets.dedup();
        Ok(budgets)
    }

    fn run(&mut self, settings: &Settings) -> Result<Outcome> {
        Ok(self.run_counting(settings)?.0)
    }

    /// The outcome, and the number of recomputed states that were compared.
    fn run_counting(&mut self, settings: &Settings) -> Result<(Outcome, u64)> {
        let Problem { data, parameters, .. } = self.problem;
        let mut trainer = Trainer::on(self.machine, settings, data, parameters)?;
        // A run goes on with simpler kernels, but a check is of these.
        if let Some(Error::KernelRefused { kernel, problem }) = trainer.refusals().first() {
            return Err(Error::KernelRefused { kernel: kernel.clone(), problem: problem.clone() });
        }
        let ended = trainer.epoch(|_| ()).and_then(|epoch| Ok((epoch, trainer.parameters()?)));
        let outcome = match ended {
            Ok((epoch, parameters)) => {
                Ok((parameters.sha256(), epoch.loss.to_bits(), epoch.test.loss.to_bits()))
            }
            // These errors mean that something computes wrongly, which is what the check looks for.
            Err(Error::RecomputeDiffers { layer, part, sample, .. }) => Err(format!(
                "the recomputed output of layer {layer} differs in sample {sample} of micro-batch {part}"
            )),
            Err(Error::Diverged { problem, .. }) => Err(problem),
            Err(error) => return Err(error),
        };
        if outcome.is_ok() {
            let differ = bytes_that_differ(&trainer.memory());
            self.memory.note(differ as f64, || settings.placement.strategy.to_string());
        }
        let states = trainer.verifier().map_or(0, |verifier| verifier.compared());
        Ok((outcome, states))
    }
}

/// Bytes by which plan and count differ over all categories and intervals, plus buffers allocated after the first step.
fn bytes_that_differ(memory: &MemoryReport) -> u64 {
    let categories = memory.planned.iter().zip(memory.counted.iter());
    let by_category: u64 = categories.map(|((_, planned), (_, counted))| planned.abs_diff(counted)).sum();
    let intervals = memory.planned_intervals.iter().zip(&memory.counted_intervals);
    let by_interval: u64 =
        intervals.map(|(planned, counted)| planned.at_peak.total().abs_diff(counted.at_peak.total())).sum();
    match by_category + by_interval + memory.allocations_after_first_step {
        0 => u64::from(!memory.agrees()),
        bytes => bytes,
    }
}
