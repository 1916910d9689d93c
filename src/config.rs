//! Validated settings; the only place that knows defaults.

use std::fmt;
use std::str::FromStr;

use crate::device::Residence;
use crate::model::{Activation, Loss, Network, Optimizer};
use crate::strategy::Strategy;
use crate::{Error, Result};

/// The data that is trained on unless another is named: the MNIST that the project carries.
pub const DEFAULT_DATA: &str = "data/mnist.npz";

/// How to train. The default is the notebook's accuracy experiment.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The width of every state.
    pub layers: Widths,
    /// Of every layer, but for the last where the loss wants logits.
    pub activation: Activation,
    /// What is made small.
    pub loss: Loss,
    /// How parameters move.
    pub optimizer: Optimizer,
    /// The learning rate.
    pub lr: f32,
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
    pub dataset: Residence,
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
            layers: Widths(vec![784, 30, 30, 30, 30, 10]),
            activation: Activation::Sigmoid,
            loss: Loss::Quadratic,
            optimizer: Optimizer::Sgd,
            lr: 3.0,
            batch: 100,
            micro_batch: None,
            epochs: 5,
            steps: None,
            seed: 0,
            shuffle: true,
            strategy: Strategy::EveryN(0),
            device: DeviceChoice::Auto,
            dataset: Residence::Auto,
            fused: true,
            tuned: true,
            timed: false,
            verify_recompute: false,
        }
    }
}

impl Settings {
    /// Checks every setting that needs no data to be checked.
    ///
    /// # Errors
    /// [`Error::Usage`] for one that no training can have.
    pub fn validate(&self) -> Result<()> {
        if !(self.lr.is_finite() && self.lr > 0.0) {
            return Err(Error::usage("--lr", format!("found {}, expected a positive number", self.lr)));
        }
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

    /// The network that these settings describe.
    ///
    /// # Errors
    /// As [`Network::new`].
    pub fn network(&self) -> Result<Network> {
        Network::new(&self.layers.0, self.activation, self.loss)
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

/// The notebook's experiments. Activation, loss, learning rate and batch are the defaults in all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Preset {
    /// Equal accuracy: 784,30x4,10 for 5 epochs
    Accuracy,
    /// Running time of a simple network: 784,100,10 for 10 epochs
    Small,
    /// Running time of a longer one: 784,30x6,10 for 10 epochs
    Longer,
    /// Running time and memory of a very long one: 784,30x50,10 for 10 epochs
    VeryLong,
}

impl Preset {
    /// Its network and epochs.
    pub fn settings(self) -> Settings {
        let (hidden, epochs) = match self {
            Preset::Accuracy => (vec![30; 4], 5),
            Preset::Small => (vec![100], 10),
            Preset::Longer => (vec![30; 6], 10),
            Preset::VeryLong => (vec![30; 50], 10),
        };
        Settings { layers: Widths([vec![784], hidden, vec![10]].concat()), epochs, ..Settings::default() }
    }

    /// The values of `--every` that the notebook compares.
    pub fn every(self) -> &'static [usize] {
        match self {
            Preset::VeryLong => &[0, 1, 2, 4, 10],
            _ => &[0, 1, 2, 4],
        }
    }
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

/// The width of every state, written as `784,30x50,10`: `30x50` is fifty layers of 30.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Widths(pub Vec<usize>);

impl FromStr for Widths {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        /// Longer chains are taken for a slip of the finger.
        const MOST_LAYERS: usize = 20_000;
        let mut widths = Vec::new();
        for part in text.split(',') {
            let number = |digits: &str| {
                usize::from_str(digits.trim()).map_err(|_| {
                    format!("found '{part}', expected a width such as 30, or 30x50 for fifty layers of 30")
                })
            };
            let (width, times) = match part.split_once('x') {
                Some((width, times)) => (number(width)?, number(times)?),
                None => (number(part)?, 1),
            };
            if width == 0 || times == 0 {
                return Err(format!("found '{part}', expected widths and counts of at least 1"));
            }
            if times > MOST_LAYERS - widths.len() {
                return Err(format!("found more than {MOST_LAYERS} layers, expected fewer"));
            }
            widths.extend(std::iter::repeat_n(width, times));
        }
        Ok(Widths(widths))
    }
}

impl fmt::Display for Widths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, run) in self.0.chunk_by(|a, b| a == b).enumerate() {
            let comma = if index == 0 { "" } else { "," };
            match run {
                [width] => write!(f, "{comma}{width}")?,
                _ => write!(f, "{comma}{}x{}", run[0], run.len())?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_read_back_as_written() {
        for text in ["784,30x50,10", "1,2", "7x3", "784,100,10"] {
            assert_eq!(text.parse::<Widths>().unwrap().to_string(), text);
        }
        assert_eq!("3, 2x2".parse(), Ok(Widths(vec![3, 2, 2])));
    }

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

    #[test]
    fn slips_are_named() {
        for text in [
            "",
            "784,",
            "784,ten",
            "30x",
            "x30",
            "784,0,10",
            "3x0",
            "-1,2",
            "9999999999999999999999",
            "2x20001",
        ] {
            let message = text.parse::<Widths>().unwrap_err();
            assert!(message.contains("found") && message.contains("expected"), "{text}: {message}");
        }
    }
}
