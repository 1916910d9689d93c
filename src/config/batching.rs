use std::collections::BTreeMap;

use crate::{Error, Result, Setting};

/// Sizes of mini-batches and micro-batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batching {
    /// Samples in a mini-batch.
    pub batch: usize,
    /// Samples in a micro-batch, whose activations are on the device at once; a divisor of `batch`. Gradients are
    /// accumulated over the micro-batches of a mini-batch. `None` is the whole mini-batch, unless a budget on a GPU divides
    /// it.
    pub micro_batch: Option<usize>,
    /// Leaves out the last mini-batch of an epoch if the samples do not fill it. Otherwise its losses and gradients are averaged over
    /// the samples that it has.
    pub drop_last: bool,
}

impl Default for Batching {
    /// Mini-batches of 100 samples, each in one piece.
    fn default() -> Self {
        Batching { batch: 100, micro_batch: None, drop_last: false }
    }
}

impl Batching {
    /// Most samples of a mini-batch: kernels count them in 32 bits.
    pub const MOST_SAMPLES: usize = u32::MAX as usize;

    /// Samples in a micro-batch, unless a budget divides it.
    pub fn micro_batch(&self) -> usize {
        self.micro_batch.unwrap_or(self.batch)
    }

    /// Micro-batches in a mini-batch.
    pub fn parts(&self) -> usize {
        self.batch / self.micro_batch()
    }

    /// Mini-batches in an epoch of so many `samples`.
    pub fn steps_in_epoch(&self, samples: usize) -> usize {
        if self.drop_last { samples / self.batch } else { samples.div_ceil(self.batch) }
    }

    /// Checks the mini-batch against the number of training samples.
    ///
    /// # Errors
    /// [`Error::Usage`] if the mini-batch is larger.
    pub fn check_samples(&self, samples: usize) -> Result<()> {
        if self.batch <= samples {
            return Ok(());
        }
        let problem = format!("found {}, expected at most {samples}: the training samples", self.batch);
        Err(Error::usage(Setting::Batch, problem))
    }

    pub(super) fn validate(&self) -> Result<()> {
        if self.batch == 0 {
            return Err(Error::usage(Setting::Batch, "found 0, expected at least 1"));
        }
        if self.batch > Batching::MOST_SAMPLES {
            let problem = format!("found {}, expected at most {}", self.batch, Batching::MOST_SAMPLES);
            return Err(Error::usage(Setting::Batch, problem));
        }
        let micro_batch = self.micro_batch();
        if micro_batch == 0 || !self.batch.is_multiple_of(micro_batch) {
            return Err(Error::usage(
                Setting::MicroBatch,
                format!(
                    "found {micro_batch}, which does not divide {}; expected one of its divisors, such as {}",
                    Setting::Batch.with(self.batch),
                    nearest_divisors(self.batch, micro_batch)
                ),
            ));
        }
        Ok(())
    }

    pub(super) fn identify(&self, identity: &mut BTreeMap<Setting, String>) {
        identity.extend([
            (Setting::Batch, self.batch.to_string()),
            (Setting::MicroBatch, self.micro_batch().to_string()),
        ]);
        // Earlier versions always left it out.
        if !self.drop_last {
            identity.insert(Setting::DropLast, false.to_string());
        }
    }
}

/// `number`, then each time the largest of its divisors that `accepts` takes and that is at most half of the one before.
pub fn halvings(number: usize, accepts: impl Fn(usize) -> bool) -> impl Iterator<Item = usize> {
    let smaller =
        move |&size: &usize| divisors(number).filter(|&half| half <= size / 2 && accepts(half)).max();
    std::iter::successors(Some(number), smaller)
}

/// Divisors of `number`, unordered, with repetitions.
pub fn divisors(number: usize) -> impl Iterator<Item = usize> {
    // Finds all divisors of any number below 2³², which no dataset's samples reach.
    let small = (1..=number.isqrt().min(1 << 16)).filter(move |divisor| number.is_multiple_of(*divisor));
    small.flat_map(move |divisor| [divisor, number / divisor])
}

/// The one or two divisors of `number` closest to `wrong`, which is not a divisor, in words.
fn nearest_divisors(number: usize, wrong: usize) -> String {
    let below = divisors(number).filter(|&divisor| divisor < wrong).max();
    let above = divisors(number).filter(|&divisor| divisor > wrong).min();
    let words: Vec<_> = below.into_iter().chain(above).map(|divisor| divisor.to_string()).collect();
    words.join(" or ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST_SAMPLES: usize = Batching::MOST_SAMPLES;

    #[test]
    fn a_micro_batch_must_divide_its_batch() {
        let refused = |batch, micro_batch| {
            let batching = Batching { batch, micro_batch: Some(micro_batch), drop_last: false };
            batching.validate().map_err(|error| error.to_string())
        };
        for (batch, wrong, nearest) in [
            (100, 30, "25 or 50"),
            (100, 0, "1"),
            (100, 101, "100"),
            (97, 2, "1 or 97"),
            (48, 7, "6 or 8"),
            (MOST_SAMPLES, 4, "3 or 5"),
        ] {
            let expected = format!(
                "`micro_batch`: found {wrong}, which does not divide `batch = {batch}`; \
                 expected one of its divisors, such as {nearest}"
            );
            assert_eq!(refused(batch, wrong), Err(expected));
        }
        let many = Batching { batch: MOST_SAMPLES + 1, micro_batch: Some(256), drop_last: true }.validate();
        assert!(many.unwrap_err().to_string().contains("at most 4294967295"));
        for micro_batch in [1, 2, 4, 5, 10, 20, 25, 50, 100] {
            assert_eq!(refused(100, micro_batch), Ok(()));
        }
    }
}
