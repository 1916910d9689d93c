//! The learning-rate range test.

use super::Trainer;
use crate::config::{Batching, Optimization, Settings};
use crate::model::{Decay, Schedule, UpdateRule};
use crate::{Error, Result, Setting};

/// A learning-rate range test (Smith 2017): training with a learning rate that rises exponentially, one mini-batch at each.
///
/// ```
/// # use std::sync::Arc;
/// # use ckpt_gpu::config::Settings;
/// # use ckpt_gpu::data::{Dataset, HeldOut, Inputs, Split};
/// use ckpt_gpu::train::{RangeTest, Trainer};
/// # let inputs: Vec<f32> = (0..8000).map(|i| (i * 37 % 101) as f32 / 101.0).collect();
/// # let labels: Vec<u32> = inputs.chunks(8).map(|row| u32::from(row[0] > row[7])).collect();
/// # let HeldOut { train, test } = Split::new(8, Inputs::F32(inputs), labels)?.hold_out(0.2, 0)?;
/// # let data = Arc::new(Dataset::in_memory(train, test)?);
/// # let mut settings = Settings::default();
/// # settings.network.layers = "8,32,2".parse().unwrap();
///
/// let test = RangeTest::default();
/// let tested = {
///     let settings = test.settings(&settings);
///     let mut trainer = Trainer::new(&settings, &data, settings.initial_parameters()?)?;
///     test.run(&mut trainer, |step| println!("{:e}: loss {:.4}", step.rate, step.smoothed))?
/// };
/// if let Some(rate) = tested.suggestion() {
///     settings.optimization.lr = rate;
/// }
/// # assert!(settings.optimization.lr > 1e-4);
/// # Ok::<(), ckpt_gpu::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RangeTest {
    /// Learning rate of the first step.
    pub from: f32,
    /// Learning rate of the last step.
    pub to: f32,
    /// Number of steps.
    pub steps: u64,
}

/// Fewest steps of a test. The first so many smoothed losses are averages of few losses, which noise decides: neither a
/// divergence nor a suggestion depends on them.
const LEAST_STEPS: u64 = 10;
/// A slope at a step is taken over so many steps before and after it: neighbouring smoothed losses differ by noise.
const REACH: usize = 5;
/// Learning rates of neighbouring steps that are further apart than this factor are too few.
const COARSE: f32 = 2.0;
/// Decay rate of the exponential moving average of losses.
const SMOOTHING: f64 = 0.9;
/// A smoothed loss more than so many times the lowest one ends the test.
const DIVERGED: f64 = 4.0;
/// Losses that after the first update have a mean more than so many times the loss before it were raised by the updates.
const RAISED: f64 = 1.5;

impl Default for RangeTest {
    /// 200 steps from 10⁻⁶ to 10.
    fn default() -> Self {
        RangeTest { from: 1e-6, to: 10.0, steps: 200 }
    }
}

/// A step of a range test.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RangeStep {
    /// Learning rate.
    pub rate: f32,
    /// Loss of the mini-batch, before its parameter update.
    pub loss: f32,
    /// Exponential moving average of the losses so far, with bias correction.
    pub smoothed: f32,
}

/// Results of a range test.
#[derive(Debug, Clone, PartialEq)]
pub struct RangeTestResult {
    /// The steps, in order of the learning rate. Losses are finite.
    pub steps: Vec<RangeStep>,
    /// `true` if the loss diverged before the last learning rate: it was NaN or infinite, or, after the first ten steps, the
    /// smoothed loss was more than four times the lowest since then.
    pub has_diverged: bool,
}

/// Why a range test suggests no learning rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// Too few steps, or learning rates too far apart.
    FewSteps,
    /// The first learning rates are too high: the loss is lowest at once, jumps at once, or diverges.
    HighStart,
    /// The loss fell by no more than its standard deviation, and rose.
    Noise,
    /// The loss neither fell nor rose by more than its standard deviation.
    Flat,
}

impl RangeTest {
    /// Checks the numbers.
    ///
    /// # Errors
    /// [`Error::Usage`] for learning rates that are not positive and rising, and for fewer than ten steps.
    pub fn check(&self) -> Result<()> {
        let is_positive = |rate: f32| rate.is_finite() && rate > 0.0;
        for (setting, rate) in [(Setting::From, self.from), (Setting::To, self.to)] {
            if !is_positive(rate) {
                return Err(Error::usage(setting, format!("found {rate}, expected a positive number")));
            }
        }
        if self.from >= self.to {
            let problem = format!("found {}, expected more than {}", self.to, Setting::From.with(self.from));
            return Err(Error::usage(Setting::To, problem));
        }
        if self.steps < LEAST_STEPS {
            let problem = format!("found {}, expected at least {LEAST_STEPS}", self.steps);
            return Err(Error::usage(Setting::Steps, problem));
        }
        Ok(())
    }

    /// `settings` with the number of steps of the test, and without a schedule, short last mini-batches, whose losses are
    /// noisier, and averaged parameters, which no step uses.
    pub fn settings(&self, settings: &Settings) -> Settings {
        let schedule = Schedule { decay: Decay::Constant, warm_up: 0, ..settings.optimization.schedule };
        let rule = UpdateRule { ema: None, ..settings.optimization.rule };
        let optimization = Optimization { rule, schedule, steps: Some(self.steps), ..settings.optimization };
        let batching = Batching { drop_last: true, ..settings.batching };
        Settings { optimization, batching, ..settings.clone() }
    }

    /// Learning rate of step `index`, counted from 0.
    pub fn rate(&self, index: u64) -> f32 {
        let share = index as f64 / self.steps.saturating_sub(1).max(1) as f64;
        let [from, to] = [self.from, self.to].map(f64::from);
        (from * (to / from).powf(share)) as f32
    }

    /// Trains `trainer`, which has to have as many steps left, as after [`RangeTest::settings`]. Ends before the last
    /// learning rate if the loss diverges; the parameters are of no use then. `on_step` is called after each step.
    ///
    /// # Errors
    /// As [`RangeTest::check`] and [`Trainer::epoch`], except that a divergence is none.
    pub fn run(&self, trainer: &mut Trainer, mut on_step: impl FnMut(&RangeStep)) -> Result<RangeTestResult> {
        self.check()?;
        let mut curve = Curve::new();
        for index in 0..self.steps {
            let rate = self.rate(index);
            let loss = match trainer.train_at(rate) {
                Ok(loss) => loss,
                Err(Error::Diverged { .. }) => {
                    return Ok(RangeTestResult { steps: curve.steps, has_diverged: true });
                }
                Err(error) => return Err(error),
            };
            on_step(&curve.push(rate, loss));
            if curve.has_diverged() {
                return Ok(RangeTestResult { steps: curve.steps, has_diverged: true });
            }
        }
        Ok(RangeTestResult { steps: curve.steps, has_diverged: false })
    }
}

/// The steps of a test that runs.
struct Curve {
    steps: Vec<RangeStep>,
    average: f64,
    /// Weight in `average` of the 0 that it starts with.
    weight: f64,
    /// The last smoothed loss, and the lowest, after the first [`LEAST_STEPS`].
    settled: Option<[f64; 2]>,
}

impl Curve {
    fn new() -> Self {
        Curve { steps: Vec::new(), average: 0.0, weight: 1.0, settled: None }
    }

    fn push(&mut self, rate: f32, loss: f32) -> RangeStep {
        self.average = SMOOTHING * self.average + (1.0 - SMOOTHING) * f64::from(loss);
        self.weight *= SMOOTHING;
        let smoothed = self.average / (1.0 - self.weight);
        if self.steps.len() >= LEAST_STEPS as usize {
            let lowest = self.settled.map_or(smoothed, |[_, lowest]| smoothed.min(lowest));
            self.settled = Some([smoothed, lowest]);
        }
        let step = RangeStep { rate, loss, smoothed: smoothed as f32 };
        self.steps.push(step);
        step
    }

    fn has_diverged(&self) -> bool {
        self.settled.is_some_and(|[last, lowest]| last > DIVERGED * lowest)
    }
}

impl RangeTestResult {
    /// The step with the lowest smoothed loss after the first ten steps; `None` without such steps.
    pub fn lowest(&self) -> Option<&RangeStep> {
        self.lowest_index().map(|index| &self.steps[index])
    }

    fn lowest_index(&self) -> Option<usize> {
        let smoothed = |index: &usize| self.steps[*index].smoothed;
        (LEAST_STEPS as usize..self.steps.len()).min_by(|a, b| smoothed(a).total_cmp(&smoothed(b)))
    }

    /// The learning rate at which the smoothed loss falls fastest, per factor of the learning rate, before it is lowest. Rounded
    /// to two digits. `None` if there is an [`obstacle`](RangeTestResult::obstacle).
    ///
    /// The slope at a step is that of the smoothed loss from five steps before to five steps after it, without the first ten
    /// steps. The learning-rate finder of PyTorch Lightning and fastai's `steep` also search for the steepest slope, but over one or
    /// two steps, and they do not stop at the lowest loss. The former leaves out the first ten steps and the last, the
    /// latter the first tenth of the steps and the last five.
    pub fn suggestion(&self) -> Option<f32> {
        let steepest = self.steepest().ok()?;
        format!("{:.1e}", self.steps[steepest].rate).parse().ok()
    }

    /// Why there is no suggestion; `None` if there is one.
    pub fn obstacle(&self) -> Option<Obstacle> {
        self.steepest().err()
    }

    /// Index of the step at which the smoothed loss falls fastest.
    fn steepest(&self) -> Result<usize, Obstacle> {
        let first = LEAST_STEPS as usize + REACH;
        let is_coarse = matches!(&self.steps[..], [one, next, ..] if next.rate > COARSE * one.rate);
        let has_few_steps = is_coarse || (self.steps.len() < first + 2 && !self.has_diverged);
        let early = if has_few_steps { Obstacle::FewSteps } else { Obstacle::HighStart };
        let (Some(lowest), Some(last)) = (self.lowest_index(), self.steps.last()) else { return Err(early) };
        let losses = self.steps[..LEAST_STEPS as usize].iter().map(|step| f64::from(step.loss));
        let mean = losses.clone().sum::<f64>() / LEAST_STEPS as f64;
        // No update comes before the first loss.
        let untrained = f64::from(self.steps[0].loss);
        let after = losses.clone().skip(1).sum::<f64>() / (LEAST_STEPS - 1) as f64;
        let jumps = untrained > 0.0 && after > RAISED * untrained;
        let is_recovery = jumps && f64::from(self.steps[lowest].smoothed) > untrained;
        let squares = losses.map(|loss| (loss - mean).powi(2)).sum::<f64>();
        let deviation = (squares / (LEAST_STEPS - 1) as f64).sqrt();
        let has_fallen = mean - f64::from(self.steps[lowest].smoothed) > deviation;
        let has_risen = self.has_diverged || f64::from(last.smoothed) - mean > deviation;
        // Learning rates rise by the same factor in each step.
        let slope = |index: usize| {
            let [from, to] = [index - REACH, (index + REACH).min(self.steps.len() - 1)];
            (self.steps[to].smoothed - self.steps[from].smoothed) / (to - from) as f32
        };
        match (first..lowest).min_by(|&a, &b| slope(a).total_cmp(&slope(b))) {
            Some(steepest) if has_fallen && !is_recovery => Ok(steepest),
            _ if jumps => Err(early),
            None if has_few_steps || has_fallen || has_risen => Err(early),
            Some(_) if has_risen => Err(Obstacle::Noise),
            _ => Err(Obstacle::Flat),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;
    use rand_distr::{Distribution, StandardNormal};

    /// The test with these losses at 200 learning rates from 1e-6 to 10, or until they diverge.
    fn tested(mut loss: impl FnMut(f64) -> f64) -> RangeTestResult {
        let (test, mut curve) = (RangeTest::default(), Curve::new());
        for index in 0..test.steps {
            let rate = test.rate(index);
            let loss = loss(f64::from(rate)) as f32;
            if loss.is_nan() {
                return RangeTestResult { steps: curve.steps, has_diverged: true };
            }
            curve.push(rate, loss);
            if curve.has_diverged() {
                return RangeTestResult { steps: curve.steps, has_diverged: true };
            }
        }
        RangeTestResult { steps: curve.steps, has_diverged: false }
    }

    /// As [`tested`], with losses that each are off by a normally distributed share with this standard deviation.
    fn noisy(seed: u64, noise: f64, loss: impl Fn(f64) -> f64) -> RangeTestResult {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut normal = move || -> f64 { StandardNormal.sample(&mut random) };
        tested(|rate| loss(rate) * (1.0 + noise * normal()))
    }

    /// Half of the fall is at 1e-3.
    fn fall(rate: f64) -> f64 {
        2.0 / (1.0 + rate / 1e-3) + 0.3
    }

    #[test]
    fn the_steepest_descent_before_the_lowest_loss_is_suggested() {
        // After the lowest loss, the fall from a peak above 1 is steeper.
        let with_peak = |rate: f64| if rate > 0.9 && rate < 1.5 { 4.0 } else { fall(rate) + rate };
        // The average of ten steps follows with a delay of about nine.
        for tested in [tested(fall), tested(with_peak), tested(|rate| fall(rate) + rate)] {
            let rate = tested.suggestion().unwrap();
            assert!((1e-3..2e-3).contains(&rate), "{rate}");
        }
        let lowest = tested(with_peak).lowest().unwrap().rate;
        assert!((0.03..0.3).contains(&lowest), "{lowest}");
    }

    #[test]
    fn suggestions_do_not_depend_on_noise() {
        for (noise, allowed) in [(0.02, 0), (0.05, 0), (0.1, 0), (0.2, 10)] {
            for (name, loss) in [("falls", fall as fn(f64) -> f64), ("rises again", |rate| fall(rate) + rate)]
            {
                let rates = (0..200).map(|seed| noisy(seed, noise, loss).suggestion().unwrap());
                let wrong: Vec<_> = rates.filter(|rate| !(1e-4..1e-2).contains(rate)).collect();
                assert!(wrong.len() <= allowed, "noise {noise}, {name}: {wrong:?}");
            }
        }
    }

    #[test]
    fn the_first_losses_do_not_end_a_test() {
        // A mini-batch whose weights are all 0 has a loss of 0.
        for zeros in [1, 9] {
            let mut index = 0;
            let tested = tested(|rate| {
                index += 1;
                if index <= zeros { 0.0 } else { fall(rate) }
            });
            assert!(!tested.has_diverged, "{zeros}");
            assert!(tested.lowest().unwrap().rate > 1e-3, "{zeros}");
        }
        let outlier = tested(|rate| if rate < 1.01e-6 { 0.1 } else { 2.3 });
        assert!(!outlier.has_diverged);
        let rising = tested(|rate| 1.0 + rate);
        assert!(rising.has_diverged && rising.steps.last().unwrap().smoothed > 4.0);
        let nan = tested(|rate| if rate < 1.1e-6 { 2.0 } else { f64::NAN });
        assert!(nan.has_diverged && nan.steps.len() == 2);
    }

    #[test]
    fn nothing_is_suggested_where_the_loss_does_not_fall() {
        let obstacle = |tested: RangeTestResult| {
            assert_eq!(tested.suggestion(), None);
            tested.obstacle().unwrap()
        };
        assert_eq!(tested(fall).obstacle(), None);
        assert_eq!(obstacle(tested(|_| 2.0)), Obstacle::Flat);
        assert_eq!(obstacle(noisy(0, 0.1, |rate| 2.0 - 1e-3 * rate)), Obstacle::Flat);
        assert_eq!(
            obstacle(noisy(0, 0.1, |rate| 2.0 - 0.1 * (rate.log10() + 6.0).min(1.0) + rate)),
            Obstacle::Noise
        );
        assert_eq!(obstacle(tested(|rate| 2.0 + 0.1 * (rate.log10() + 6.0))), Obstacle::HighStart);
        // The first updates raise the loss so much that the rest is within its standard deviation then.
        let jump =
            |rate: f64| if rate < 1.05e-6 { 2.3 } else { 2.4 + 300.0 * (-2e6 * (rate - 1.05e-6)).exp() };
        assert_eq!(obstacle(tested(jump)), Obstacle::HighStart);
        let first = |count: usize, has_diverged| RangeTestResult {
            steps: tested(fall).steps[..count].to_vec(),
            has_diverged,
        };
        assert_eq!(obstacle(first(16, false)), Obstacle::FewSteps);
        for count in [0, 5, 16] {
            assert_eq!(obstacle(first(count, true)), Obstacle::HighStart, "{count}");
        }
        assert_eq!(first(10, true).lowest(), None);
        let coarse = tested(fall).steps.into_iter().step_by(10).take(12).collect();
        assert_eq!(obstacle(RangeTestResult { steps: coarse, has_diverged: true }), Obstacle::FewSteps);
    }

    #[test]
    fn a_test_has_whole_mini_batches_at_rates_of_its_own() {
        let mut settings = Settings::default();
        settings.optimization.rule.ema = Some(0.9);
        settings.optimization.schedule.warm_up = 5;
        settings.batching.drop_last = false;
        let tested = RangeTest::default().settings(&settings);
        assert_eq!(tested.optimization.rule.ema, None);
        assert_eq!(
            (tested.optimization.schedule.decay, tested.optimization.schedule.warm_up),
            (Decay::Constant, 0)
        );
        assert_eq!((tested.optimization.steps, tested.batching.drop_last), (Some(200), true));
        assert_eq!(tested.optimization.lr, settings.optimization.lr);
    }

    #[test]
    fn rates_rise_exponentially() {
        let test = RangeTest { from: 1e-4, to: 1.0, steps: 41 };
        for (index, rate) in [(0, 1e-4), (10, 1e-3), (20, 1e-2), (40, 1.0)] {
            assert!((test.rate(index) / rate - 1.0).abs() < 1e-6, "{index}");
        }
        let refused = |test: RangeTest| test.check().unwrap_err().to_string();
        assert!(refused(RangeTest { from: f32::NAN, ..test }).contains("found NaN, expected a positive"));
        assert!(refused(RangeTest { to: 1e-4, ..test }).contains("expected more than `from = 0.0001`"));
        assert!(refused(RangeTest { steps: 9, ..test }).contains("found 9, expected at least 10"));
    }
}
