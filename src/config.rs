//! Validated settings; the only place that knows defaults.

mod preset;
mod widths;

pub use preset::Preset;
pub use widths::Widths;

use std::collections::BTreeMap;

use crate::device::DatasetPlacement;
use crate::model::{
    Activation, Decay, Initialiser, Loss, Network, Optimizer, Parameters, Schedule, UpdateRule,
};
use crate::strategy::Strategy;
use crate::{Error, Result};

/// The data that is trained on unless another is named: the MNIST that the project carries.
pub const DEFAULT_DATA: &str = "data/mnist.npz";

/// How to train. The default is a deep residual network that learns MNIST in a few epochs;
/// [`Settings::notebook`] is what the notebook trained.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The width of every state.
    pub layers: Widths,
    /// Between the layers.
    pub activation: Activation,
    /// Whether hidden layers add what they read to what they make, where the two are equally wide.
    pub residual: bool,
    /// Whether each layer but the first normalises what it reads, sample by sample.
    pub layer_norm: bool,
    /// How the first parameters are drawn; `None` is what is usual for the activation.
    pub initialiser: Option<Initialiser>,
    /// What is made small.
    pub loss: Loss,
    /// How parameters move.
    pub rule: UpdateRule,
    /// The learning rate.
    pub lr: f32,
    /// How it changes.
    pub schedule: Schedule,
    /// Samples in a mini-batch.
    pub batch: usize,
    /// Samples whose activations are on the device at once, a divisor of `batch`; gradients add up over the batch's
    /// parts. `None` is the whole batch.
    pub micro_batch: Option<usize>,
    /// Passes over the training split.
    pub epochs: usize,
    /// Steps in all, whatever `epochs` says.
    pub steps: Option<u64>,
    /// For the initial parameters and the order of the samples.
    pub seed: u64,
    /// Whether each epoch takes the samples in an order of its own.
    pub shuffle: bool,
    /// What is kept of the forward sweep. A budget bounds all that is allocated on the device.
    pub strategy: Strategy,
    /// Where to train.
    pub device: DeviceChoice,
    /// Where the dataset is kept.
    pub dataset: DatasetPlacement,
    /// Whether a GPU runs neighbouring thin layers together, with the states between them in its kernels' own memory.
    pub fused: bool,
    /// Whether a GPU finds by trial how its larger products are cut best; no bit of the results depends on it.
    pub tuned: bool,
    /// Whether the last step is timed, action by action, where the device has a clock.
    pub timed: bool,
    /// Whether every recomputed state is compared, bit for bit, with what was there before.
    pub verify_recompute: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            layers: Widths([vec![784], vec![64; 50], vec![10]].concat()),
            activation: Activation::Relu,
            residual: true,
            layer_norm: false,
            initialiser: None,
            loss: Loss::CrossEntropy,
            rule: UpdateRule::of(Optimizer::Adam),
            lr: Optimizer::Adam.usual_rate(),
            schedule: Schedule { decay: Decay::Cosine, ..Schedule::default() },
            batch: 100,
            micro_batch: None,
            epochs: 5,
            steps: None,
            seed: 0,
            shuffle: true,
            strategy: Strategy::EveryN(0),
            device: DeviceChoice::Auto,
            dataset: DatasetPlacement::Auto,
            fused: true,
            tuned: true,
            timed: false,
            verify_recompute: false,
        }
    }
}

impl Settings {
    /// The notebook's accuracy experiment.
    pub fn notebook() -> Self {
        Settings {
            layers: Widths(vec![784, 30, 30, 30, 30, 10]),
            activation: Activation::Sigmoid,
            residual: false,
            initialiser: Some(Initialiser::Normal),
            loss: Loss::Quadratic,
            rule: UpdateRule::of(Optimizer::Sgd),
            lr: 3.0,
            schedule: Schedule::default(),
            ..Settings::default()
        }
    }

    /// Checks every setting that needs no data to be checked.
    ///
    /// # Errors
    /// [`Error::Usage`] for one that no training can have.
    pub fn validate(&self) -> Result<()> {
        if !(self.lr.is_finite() && self.lr > 0.0) {
            return Err(Error::usage("--lr", format!("found {}, expected a positive number", self.lr)));
        }
        self.validate_rule()?;
        for (flag, is_zero) in [
            ("--batch", self.batch == 0),
            ("--epochs", self.epochs == 0),
            ("--steps", self.steps == Some(0)),
            ("--budget", self.strategy == Strategy::Budget(0)),
        ] {
            if is_zero {
                return Err(Error::usage(flag, "found 0, expected at least 1"));
            }
        }
        if self.timed && self.verify_recompute {
            let problem =
                "reads states back between the actions that a .trace.json times; leave out one of the two";
            return Err(Error::usage("--verify-recompute", problem));
        }
        let micro_batch = self.micro_batch();
        if micro_batch == 0 || !self.batch.is_multiple_of(micro_batch) {
            return Err(Error::usage(
                "--micro-batch",
                format!(
                    "found {micro_batch}, which does not divide --batch {}; expected one of its divisors, such as {}",
                    self.batch,
                    nearest_divisors(self.batch, micro_batch)
                ),
            ));
        }
        self.network().map(|_| ())
    }

    fn validate_rule(&self) -> Result<()> {
        let UpdateRule { momentum, betas: [beta1, beta2], epsilon, weight_decay, clip_norm, .. } = self.rule;
        let Schedule { decay_factor, floor, decay_every, .. } = self.schedule;
        let share = |value: f32| (0.0..1.0).contains(&value);
        for (flag, value, is_good, expected) in [
            ("--momentum", momentum, share(momentum), "at least 0 and below 1"),
            ("--beta1", beta1, share(beta1), "at least 0 and below 1"),
            ("--beta2", beta2, share(beta2), "at least 0 and below 1"),
            ("--epsilon", epsilon, epsilon.is_finite() && epsilon > 0.0, "a positive number"),
            (
                "--weight-decay",
                weight_decay,
                weight_decay.is_finite() && weight_decay >= 0.0,
                "a number that is not negative",
            ),
            (
                "--clip-norm",
                clip_norm.unwrap_or(1.0),
                clip_norm.is_none_or(|norm| norm.is_finite() && norm > 0.0),
                "a positive number",
            ),
            (
                "--decay-factor",
                decay_factor,
                decay_factor.is_finite() && decay_factor > 0.0,
                "a positive number",
            ),
            ("--lr-floor", floor, (0.0..=1.0).contains(&floor), "from 0 to 1"),
            ("--decay-every", decay_every as f32, decay_every > 0, "at least 1"),
        ] {
            if !is_good {
                return Err(Error::usage(flag, format!("found {value}, expected {expected}")));
            }
        }
        Ok(())
    }

    /// Checks the mini-batch against so many training samples.
    ///
    /// # Errors
    /// [`Error::Usage`] where it is larger.
    pub fn check_batch(&self, samples: usize) -> Result<()> {
        if self.batch <= samples {
            return Ok(());
        }
        let problem = format!("found {}, expected at most {samples}: the training samples", self.batch);
        Err(Error::usage("--batch", problem))
    }

    /// Samples whose activations are on the device at once.
    pub fn micro_batch(&self) -> usize {
        self.micro_batch.unwrap_or(self.batch)
    }

    /// What decides a run's bits beside its data and its device, by name, in words. Strategies do not.
    pub fn decisive(&self) -> BTreeMap<String, String> {
        let UpdateRule { optimizer, momentum, betas, epsilon, weight_decay, clip_norm } = self.rule;
        let Schedule { decay, warm_up, decay_every, decay_factor, floor } = self.schedule;
        let schedule = match (decay, self.steps) {
            // Only there does a step depend on how many are to come.
            (Decay::Cosine, Some(steps)) => format!("cosine over {steps} steps"),
            (Decay::Cosine, None) => format!("cosine over {} epochs", self.epochs),
            _ => decay.name().to_owned(),
        };
        let settings = BTreeMap::from([
            ("--layers", self.layers.to_string()),
            ("--activation", self.activation.name().to_owned()),
            ("--residual", self.residual.to_string()),
            ("--layer-norm", self.layer_norm.to_string()),
            ("--loss", self.loss.name().to_owned()),
            ("--optimizer", optimizer.name().to_owned()),
            ("--lr", self.lr.to_string()),
            ("--momentum", momentum.to_string()),
            ("--beta1", betas[0].to_string()),
            ("--beta2", betas[1].to_string()),
            ("--epsilon", epsilon.to_string()),
            ("--weight-decay", weight_decay.to_string()),
            ("--clip-norm", clip_norm.map_or("none".to_owned(), |norm| norm.to_string())),
            ("--schedule", schedule),
            ("--warm-up", warm_up.to_string()),
            ("--decay-every", decay_every.to_string()),
            ("--decay-factor", decay_factor.to_string()),
            ("--lr-floor", floor.to_string()),
            ("--batch", self.batch.to_string()),
            ("--micro-batch", self.micro_batch().to_string()),
            ("--seed", self.seed.to_string()),
            ("--no-shuffle", (!self.shuffle).to_string()),
        ]);
        settings.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// The learning rate of step `index` of `total`, counted from 0.
    pub fn rate(&self, index: u64, total: u64) -> f32 {
        self.lr * self.schedule.share(index, total)
    }

    /// The network that these settings describe.
    ///
    /// # Errors
    /// As [`Network::new`].
    pub fn network(&self) -> Result<Network> {
        let network = Network::new(&self.layers.0, self.activation, self.loss)?;
        network.with_residual(self.residual).with_layer_norm(self.layer_norm)
    }

    /// The first parameters of that network, where no file has them.
    ///
    /// # Errors
    /// As [`Network::new`].
    pub fn initial_parameters(&self) -> Result<Parameters> {
        let initialiser = self.initialiser.unwrap_or_else(|| Initialiser::usual(self.activation));
        Ok(Parameters::initial(&self.network()?, initialiser, self.seed))
    }
}

/// The divisors of `number`, in no order and some of them twice.
pub fn divisors(number: usize) -> impl Iterator<Item = usize> {
    // No dataset has 2³² samples, so in every batch that can be, this finds all divisors.
    let small = (1..=number.isqrt().min(1 << 16)).filter(move |divisor| number.is_multiple_of(*divisor));
    small.flat_map(move |divisor| [divisor, number / divisor])
}

/// The divisors of `number` next to `wrong`, which is none of them: one or two, in words.
fn nearest_divisors(number: usize, wrong: usize) -> String {
    let below = divisors(number).filter(|&divisor| divisor < wrong).max();
    let above = divisors(number).filter(|&divisor| divisor > wrong).min();
    let words: Vec<_> = below.into_iter().chain(above).map(|divisor| divisor.to_string()).collect();
    words.join(" or ")
}

/// Where to train.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum DeviceChoice {
    /// A hardware GPU, else the CPU backend.
    Auto,
    /// A hardware GPU.
    Gpu,
    /// The CPU backend.
    Cpu,
    /// The GPU kernels on a software driver.
    Software,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_micro_batch_must_divide_its_batch() {
        let refused = |batch, micro_batch| {
            let settings = Settings { batch, micro_batch: Some(micro_batch), ..Settings::default() };
            settings.validate().map_err(|error| error.to_string())
        };
        for (batch, wrong, nearest) in [
            (100, 30, "25 or 50"),
            (100, 0, "1"),
            (100, 101, "100"),
            (97, 2, "1 or 97"),
            (48, 7, "6 or 8"),
            (usize::MAX, 4, "3 or 5"),
        ] {
            let expected = format!(
                "--micro-batch: found {wrong}, which does not divide --batch {batch}; \
                 expected one of its divisors, such as {nearest}"
            );
            assert_eq!(refused(batch, wrong), Err(expected));
        }
        for micro_batch in [1, 2, 4, 5, 10, 20, 25, 50, 100] {
            assert_eq!(refused(100, micro_batch), Ok(()));
        }
    }
}
