use serde::Serialize;

use super::threefry::threefry;
use crate::{Error, Result, Setting};

/// Dropout (Srivastava et al. 2014) of the values that a layer reads. In training, a value is 0 with probability
/// [`Dropout::rate`], and otherwise divided by the probability that it is kept; in evaluation it stays.
///
/// No mask is stored. Whether a value is dropped follows from the seed, the step, the layer, the sample's place in the
/// mini-batch and the unit, so that the forward pass, recomputation and the backward pass have one mask, whatever the plan.
/// The random numbers are Threefry-2x32's of 13 rounds (Salmon et al. 2011), a counter-based generator: the words for a step's
/// [`DropoutKey::of_layer`] and the counter `[sample, unit / 4]` have 16 bits for each of four units, the lowest first, and a unit
/// is dropped if its bits are below `65536 · rate`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(into = "f64")]
pub struct Dropout {
    /// Of [`RANGE`] values so many are dropped.
    dropped: u32,
}

/// Values of 16 bits.
const RANGE: u32 = 1 << 16;

impl Dropout {
    /// Dropout at this rate, rounded to a multiple of 1/65536; `None` for a rate of 0.
    ///
    /// # Errors
    /// [`Error::Usage`] for a rate that is not at least 0 and below 1, or that is rounded to one of these.
    pub fn new(rate: f32) -> Result<Option<Self>> {
        let dropped = (f64::from(rate) * f64::from(RANGE)).round();
        if rate == 0.0 {
            return Ok(None);
        }
        if !(1.0..f64::from(RANGE)).contains(&dropped) {
            let problem = format!("found {rate}, expected 0, or at least 0.00001 and below 0.99999");
            return Err(Error::usage(Setting::Dropout, problem));
        }
        Ok(Some(Dropout { dropped: dropped as u32 }))
    }

    /// Probability that a value is dropped.
    pub fn rate(self) -> f64 {
        f64::from(self.dropped) / f64::from(RANGE)
    }

    /// Of 65,536 values of 16 bits, so many drop a unit: those below this number.
    pub fn dropped(self) -> u32 {
        self.dropped
    }

    /// What a value that is kept is multiplied by.
    pub fn factor(self) -> f32 {
        (f64::from(RANGE) / f64::from(RANGE - self.dropped)) as f32
    }

    /// What the values of `sample` for units `4 · four` to `4 · four + 3` are multiplied by, with the [`DropoutKey::of_layer`].
    #[inline(always)]
    pub fn factors(self, key: [u32; 2], sample: u32, four: u32) -> [f32; 4] {
        let [low, high] = threefry(key, [sample, four]);
        let kept = self.factor();
        [low & 0xffff, low >> 16, high & 0xffff, high >> 16]
            .map(|bits| if bits < self.dropped { 0.0 } else { kept })
    }
}

impl From<Dropout> for f64 {
    fn from(dropout: Dropout) -> Self {
        dropout.rate()
    }
}

/// Key of the masks of one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DropoutKey([u32; 2]);

impl DropoutKey {
    /// The key of `step`, counted from 0, in a run with this `seed`.
    pub fn new(seed: u64, step: u64) -> Self {
        let words = |number: u64| [number as u32, (number >> 32) as u32];
        DropoutKey(threefry(words(seed), words(step)))
    }

    /// Its two words.
    pub fn words(self) -> [u32; 2] {
        self.0
    }

    /// The key of the masks of one layer, the `from_last`-th from the end: the last layer is 1.
    #[inline(always)]
    pub fn of_layer(self, from_last: u32) -> [u32; 2] {
        let [low, high] = self.0;
        [low, high ^ from_last]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_round_to_what_16_bits_tell_apart() {
        assert_eq!(Dropout::new(0.0).unwrap(), None);
        let half = Dropout::new(0.5).unwrap().unwrap();
        assert_eq!((half.dropped(), half.rate(), half.factor()), (32768, 0.5, 2.0));
        let tenth = Dropout::new(0.1).unwrap().unwrap();
        assert_eq!(f64::from(tenth), 6554.0 / 65536.0);
        for rate in [-0.1, 1.0, 1.5, f32::NAN, f32::INFINITY, 1e-6, 0.999_999] {
            let message = Dropout::new(rate).unwrap_err().to_string();
            assert!(message.contains("`dropout`: found") && message.contains("expected"), "{message}");
        }
    }

    #[test]
    fn factors_have_the_mean_of_one() {
        let dropout = Dropout::new(0.3).unwrap().unwrap();
        let key = DropoutKey::new(7, 3).of_layer(2);
        let factors =
            (0..1000).flat_map(|sample| (0..25).map(move |four| dropout.factors(key, sample, four)));
        let mean = factors.flatten().map(f64::from).sum::<f64>() / 100_000.0;
        assert!((mean - 1.0).abs() < 0.01, "{mean}");
    }
}
