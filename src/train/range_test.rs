//! The learning-rate range test.

use super::Trainer;
use crate::config::{Optimization, Settings};
use crate::model::{Decay, Schedule};
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
///     let mut trainer = Trainer::new(&settings, &data, &settings.initial_parameters()?)?;
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

/// Fewest steps that a curve is made of.
const LEAST_STEPS: u64 = 10;
/// Decay rate of the exponential moving average of losses.
const SMOOTHING: f64 = 0.9;
/// A smoothed loss so many times the lowest one ends the test.
const DIVERGED: f64 = 4.0;

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
pub struct Tested {
    /// The steps, in order of the learning rate. Losses are finite.
    pub steps: Vec<RangeStep>,
    /// `true` if the loss diverged before the last learning rate: it was NaN or infinite, or four times the lowest.
    pub has_diverged: bool,
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

    /// `settings` with the number of steps of the test, and without a schedule.
    pub fn settings(&self, settings: &Settings) -> Settings {
        let schedule = Schedule { decay: Decay::Constant, warm_up: 0, ..settings.optimization.schedule };
        let optimization = Optimization { schedule, steps: Some(self.steps), ..settings.optimization };
        Settings { optimization, ..settings.clone() }
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
    pub fn run(&self, trainer: &mut Trainer, mut on_step: impl FnMut(&RangeStep)) -> Result<Tested> {
        self.check()?;
        let mut steps: Vec<RangeStep> = Vec::new();
        let (mut average, mut weight, mut lowest) = (0.0, 1.0, f64::INFINITY);
        for index in 0..self.steps {
            let rate = self.rate(index);
            let loss = match trainer.train_at(rate) {
                Ok(loss) => loss,
                Err(Error::Diverged { .. }) => return Ok(Tested { steps, has_diverged: true }),
                Err(error) => return Err(error),
            };
            average = SMOOTHING * average + (1.0 - SMOOTHING) * f64::from(loss);
            weight *= SMOOTHING;
            let smoothed = average / (1.0 - weight);
            lowest = f64::min(lowest, smoothed);
            let step = RangeStep { rate, loss, smoothed: smoothed as f32 };
            on_step(&step);
            steps.push(step);
            if smoothed > DIVERGED * lowest {
                return Ok(Tested { steps, has_diverged: true });
            }
        }
        Ok(Tested { steps, has_diverged: false })
    }
}

impl Tested {
    /// The step with the lowest smoothed loss; `None` without steps.
    pub fn lowest(&self) -> Option<&RangeStep> {
        self.lowest_index().map(|index| &self.steps[index])
    }

    fn lowest_index(&self) -> Option<usize> {
        let smoothed = |index: &usize| self.steps[*index].smoothed;
        (0..self.steps.len()).min_by(|a, b| smoothed(a).total_cmp(&smoothed(b)))
    }

    /// The learning rate at which the smoothed loss falls fastest, per factor of the learning rate, before it is lowest: the
    /// rule of PyTorch Lightning's learning-rate finder, which does not stop at the lowest loss, and of fastai's `steep`.
    /// Rounded to two digits. `None` if the loss does not fall by more than its standard deviation over the first ten steps.
    pub fn suggestion(&self) -> Option<f32> {
        let lowest = self.lowest_index()?;
        let first = self.steps.get(..LEAST_STEPS as usize)?.iter().map(|step| f64::from(step.loss));
        let mean = first.clone().sum::<f64>() / LEAST_STEPS as f64;
        let squares = first.map(|loss| (loss - mean).powi(2)).sum::<f64>();
        let deviation = (squares / (LEAST_STEPS - 1) as f64).sqrt();
        if mean - f64::from(self.steps[lowest].smoothed) <= deviation {
            return None;
        }
        let slope = |index: usize| self.steps[index + 1].smoothed - self.steps[index - 1].smoothed;
        let steepest = (1..lowest).min_by(|&a, &b| slope(a).total_cmp(&slope(b)))?;
        format!("{:.1e}", self.steps[steepest].rate).parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A test of 71 steps, ten a decade from 1e-6, with these smoothed losses; single losses are 0.01 above or below.
    fn tested(smoothed: impl Fn(f64) -> f64) -> Tested {
        let step = |index: i32| {
            let rate = 10f64.powf(f64::from(index) / 10.0 - 6.0);
            let smoothed = smoothed(rate) as f32;
            let loss = smoothed + if index % 2 == 0 { 0.01 } else { -0.01 };
            RangeStep { rate: rate as f32, loss, smoothed }
        };
        Tested { steps: (0..71).map(step).collect(), has_diverged: false }
    }

    #[test]
    fn the_steepest_descent_before_the_lowest_loss_is_suggested() {
        // Half of the fall is at 1e-3, and the fall from the peak above 1 is steeper.
        let fall = |rate: f64| 2.0 / (1.0 + rate / 1e-3);
        let with_peak = |rate: f64| if rate > 0.9 && rate < 2.5 { 9.0 } else { fall(rate) + rate };
        for tested in [tested(fall), tested(with_peak)] {
            assert_eq!(tested.suggestion(), Some(1e-3));
        }
        assert_eq!(tested(with_peak).lowest().unwrap().rate, 10f64.powf(-1.4) as f32);
    }

    #[test]
    fn nothing_is_suggested_where_the_loss_does_not_fall() {
        assert_eq!(tested(|_| 2.0).suggestion(), None);
        assert_eq!(tested(|rate| 2.0 + rate).suggestion(), None);
        assert_eq!(tested(|rate| 2.0 - 1e-4 * rate).suggestion(), None);
        let few = Tested { steps: tested(|rate| 2.0 - rate).steps[..5].to_vec(), has_diverged: true };
        assert_eq!(few.suggestion(), None);
        let none = Tested { steps: Vec::new(), has_diverged: true };
        assert_eq!((none.suggestion(), none.lowest()), (None, None));
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
