//! Samples, and how a mini-batch is taken from them.

use super::mapped::Mapped;
use super::shuffle;
use crate::memory::check_host_room;
use crate::{Error, Result};

/// What a stored byte is multiplied by to become an input: `f32::from(byte) * U8_SCALE`, in that order, on every
/// backend, so that all of them see the same bits.
pub const U8_SCALE: f32 = 1.0 / 255.0;

/// The inputs of all samples, `[samples, features]`, row-major.
#[derive(Debug, Clone, PartialEq)]
pub enum Inputs {
    /// Bytes, scaled by [`U8_SCALE`] when they are used.
    U8(Vec<u8>),
    /// Floats, used as they are.
    F32(Vec<f32>),
    /// Either, left in its file and read when it is used.
    Mapped(Mapped),
}

impl Inputs {
    fn len(&self) -> usize {
        match self {
            Inputs::U8(v) => v.len(),
            Inputs::F32(v) => v.len(),
            Inputs::Mapped(mapped) => mapped.len(),
        }
    }

    /// Hands all values to `take` as a device keeps them, bytes or `f32`, in order: pieces of whole words but for the last,
    /// with the place in bytes of each.
    ///
    /// # Errors
    /// Those of `take`.
    pub fn in_pieces(&self, mut take: impl FnMut(u64, &[u8]) -> Result<()>) -> Result<()> {
        match self {
            Inputs::U8(bytes) => take(0, bytes),
            Inputs::F32(values) => take(0, bytemuck::cast_slice(values)),
            Inputs::Mapped(mapped) => mapped.in_pieces(take),
        }
    }
}

/// What a network is to answer, for every sample.
#[derive(Debug, Clone, PartialEq)]
pub enum Targets {
    /// The number of its class, `[samples]`.
    Classes(Vec<u32>),
    /// Numbers, `[samples, width]`, row-major.
    Values {
        /// Numbers a sample, at least 1.
        width: usize,
        /// All of them.
        values: Vec<f32>,
    },
}

impl Targets {
    /// How many 32-bit words a sample has.
    pub fn width(&self) -> usize {
        match self {
            Targets::Classes(_) => 1,
            Targets::Values { width, .. } => *width,
        }
    }

    /// All words, `[samples, width]`: class numbers, or the bits of `f32`.
    pub fn words(&self) -> &[u32] {
        match self {
            Targets::Classes(labels) => labels,
            Targets::Values { values, .. } => bytemuck::cast_slice(values),
        }
    }
}

impl From<Vec<u32>> for Targets {
    fn from(labels: Vec<u32>) -> Self {
        Targets::Classes(labels)
    }
}

/// Samples with their targets.
#[derive(Debug, Clone, PartialEq)]
pub struct Split {
    features: usize,
    inputs: Inputs,
    targets: Targets,
}

impl Split {
    /// Samples of `features` values each, one for every target.
    ///
    /// Fails where there is no sample or no feature, where `inputs` does not hold as many times `features` values as
    /// there are targets, where targets are no whole rows, and where there are more samples than a `u32` counts.
    pub fn new(features: usize, inputs: Inputs, targets: impl Into<Targets>) -> Result<Split> {
        let targets = targets.into();
        let (words, width) = (targets.words().len(), targets.width());
        if width == 0 || !words.is_multiple_of(width) {
            return Err(Error::usage(
                "data",
                format!("{words} values for targets of {width}, expected whole rows"),
            ));
        }
        let samples = words / width;
        if samples == 0 || features == 0 || u32::try_from(samples).is_err() {
            let problem =
                format!("{samples} samples of {features} features, expected 1 to {} of 1 or more", u32::MAX);
            return Err(Error::usage("data", problem));
        }
        if samples.checked_mul(features) != Some(inputs.len()) {
            let problem = format!("{} values for {samples} samples of {features} features", inputs.len());
            return Err(Error::usage("data", problem));
        }
        if let Inputs::Mapped(mapped) = &inputs
            && mapped.features() != features
        {
            let problem =
                format!("{features} features for a file's {}, expected equally many", mapped.features());
            return Err(Error::usage("data", problem));
        }
        Ok(Split { features, inputs, targets })
    }

    /// Samples, at least 1.
    #[expect(clippy::len_without_is_empty, reason = "it never is")]
    pub fn len(&self) -> usize {
        self.targets.words().len() / self.targets.width()
    }

    /// Input values per sample, at least 1.
    pub fn features(&self) -> usize {
        self.features
    }

    /// All inputs, `[len, features]`.
    pub fn inputs(&self) -> &Inputs {
        &self.inputs
    }

    /// All targets.
    pub fn targets(&self) -> &Targets {
        &self.targets
    }

    /// The number of every sample's class, `[len]`; none where targets are no classes.
    pub fn labels(&self) -> &[u32] {
        match &self.targets {
            Targets::Classes(labels) => labels,
            Targets::Values { .. } => &[],
        }
    }

    /// Some of its samples; of mapped inputs a view, without a copy.
    ///
    /// # Errors
    /// As [`Split::new`], where there are none.
    ///
    /// # Panics
    /// Where a row is not below [`len`](Self::len).
    pub fn rows(&self, rows: &[u32]) -> Result<Split> {
        fn pick<T: Copy>(values: &[T], width: usize, rows: &[u32]) -> Vec<T> {
            rows.iter().flat_map(|&row| &values[row as usize * width..][..width]).copied().collect()
        }
        let inputs = match &self.inputs {
            Inputs::U8(bytes) => Inputs::U8(pick(bytes, self.features, rows)),
            Inputs::F32(values) => Inputs::F32(pick(values, self.features, rows)),
            Inputs::Mapped(mapped) => Inputs::Mapped(mapped.rows(rows)),
        };
        let targets = match &self.targets {
            Targets::Classes(labels) => Targets::Classes(pick(labels, 1, rows)),
            Targets::Values { width, values } => {
                Targets::Values { width: *width, values: pick(values, *width, rows) }
            }
        };
        Split::new(self.features, inputs, targets)
    }

    /// It without a `share` of its samples, and these, chosen by `seed`: what to train on, and what to score.
    ///
    /// # Errors
    /// [`Error::Usage`] for a share that is not between 0 and 1, or that leaves nothing on one of the two sides;
    /// [`Error::DoesNotFit`] where inputs are in memory, and the host has no room for a copy.
    pub fn held_back(&self, share: f64, seed: u64) -> Result<(Split, Split)> {
        check_share(share)?;
        let samples = self.len();
        let held = (samples as f64 * share).round() as usize;
        if held == 0 || held == samples {
            let problem = format!(
                "a share of {share} of its {samples} samples leaves none to train on, or none to score"
            );
            return Err(Error::usage("--validation", problem));
        }
        if !matches!(self.inputs, Inputs::Mapped(_)) {
            let bytes = (self.inputs.len() * self.shape().value_bytes) as u64;
            let remedy = "use --map-data, which copies nothing";
            check_host_room("samples to train on and those held back", bytes, remedy)?;
        }
        let mut rows = Vec::new();
        // No epoch has this number.
        shuffle(seed, u64::MAX - 1, samples as u32, &mut rows);
        let (test, train) = rows.split_at_mut(held);
        test.sort_unstable();
        train.sort_unstable();
        Ok((self.rows(train)?, self.rows(test)?))
    }

    /// Writes the inputs of `rows` to `out`, `[rows.len(), features]`, bytes scaled by [`U8_SCALE`].
    ///
    /// # Panics
    /// Where a row is not below [`len`](Self::len), or `out` does not hold exactly the batch.
    pub fn gather(&self, rows: &[u32], out: &mut [f32]) {
        let width = self.features;
        assert_eq!(out.len(), rows.len() * width, "the batch's buffer holds rows * features values");
        if let Inputs::Mapped(mapped) = &self.inputs {
            mapped.read_ahead(rows.iter().map(|&row| row as usize));
        }
        for (&row, out) in rows.iter().zip(out.chunks_exact_mut(width)) {
            let from = row as usize * width;
            match &self.inputs {
                Inputs::Mapped(mapped) => mapped.read(row as usize, out),
                Inputs::F32(values) => out.copy_from_slice(&values[from..from + width]),
                Inputs::U8(bytes) => {
                    for (out, &byte) in out.iter_mut().zip(&bytes[from..from + width]) {
                        *out = f32::from(byte) * U8_SCALE;
                    }
                }
            }
        }
    }

    /// Writes the targets of `rows` to `out`, `[rows.len(), width]` words.
    ///
    /// # Panics
    /// Where a row is not below [`len`](Self::len), or `out` does not hold exactly the batch.
    pub fn gather_targets(&self, rows: &[u32], out: &mut [u32]) {
        let (width, words) = (self.targets.width(), self.targets.words());
        assert_eq!(out.len(), rows.len() * width, "the batch's buffer holds rows * width words");
        for (out, &row) in out.chunks_exact_mut(width).zip(rows) {
            out.copy_from_slice(&words[row as usize * width..][..width]);
        }
    }
}

/// What to say of the input at index `at`.
pub(super) fn not_finite(value: f32, at: usize, features: usize) -> String {
    format!(
        "holds {value} (as float32) in sample {}, feature {}, expected finite numbers",
        at / features,
        at % features
    )
}

/// Checks a share of samples that is to be held back.
pub(super) fn check_share(share: f64) -> Result<()> {
    if share > 0.0 && share < 1.0 {
        return Ok(());
    }
    Err(Error::usage("--validation", format!("found {share}, expected above 0 and below 1")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sample_is_trained_on_or_held_back() {
        let split = Split::new(1, Inputs::U8((0..10).collect()), (0..10).collect::<Vec<u32>>()).unwrap();
        let (train, test) = split.held_back(0.3, 5).unwrap();
        assert_eq!((train.len(), test.len()), (7, 3));
        let mut labels = [train.labels(), test.labels()].concat();
        labels.sort_unstable();
        assert_eq!(labels, (0..10).collect::<Vec<u32>>());
        assert_ne!(split.held_back(0.3, 6).unwrap().1, test, "the seed decides nothing");
        for share in [0.0, 1.0, -0.1, f64::NAN, 0.01, 0.99] {
            assert!(
                matches!(split.held_back(share, 5), Err(Error::Usage { flag: "--validation", .. })),
                "{share}"
            );
        }
    }

    #[test]
    fn bytes_are_scaled_and_floats_are_not() {
        let bytes = Split::new(2, Inputs::U8(vec![0, 255, 1, 2, 128, 7]), vec![3, 4, 5]).unwrap();
        let mut out = [0.0; 4];
        bytes.gather(&[2, 0], &mut out);
        assert_eq!(out, [128.0 * U8_SCALE, 7.0 * U8_SCALE, 0.0, 1.0]);

        let floats = Split::new(1, Inputs::F32(vec![-0.5, 9.0]), vec![0, 1]).unwrap();
        floats.gather(&[1, 0, 1], &mut out[..3]);
        assert_eq!(out[..3], [9.0, -0.5, 9.0]);

        let mut labels = [0; 2];
        bytes.gather_targets(&[2, 1], &mut labels);
        assert_eq!(labels, [5, 4]);

        let targets = Targets::Values { width: 2, values: vec![0.5, 1.0, -2.0, 3.0] };
        let values = Split::new(1, Inputs::F32(vec![1.0, 2.0]), targets).unwrap();
        values.gather_targets(&[1], &mut labels);
        assert_eq!(labels.map(f32::from_bits), [-2.0, 3.0]);
        assert_eq!(values.len(), 2);
    }

    #[test]
    fn counts_must_agree() {
        assert!(Split::new(2, Inputs::U8(vec![0; 5]), vec![0; 2]).is_err());
        assert!(Split::new(0, Inputs::U8(vec![]), vec![0; 2]).is_err());
        assert!(Split::new(2, Inputs::F32(vec![]), vec![]).is_err());
        let uneven = Targets::Values { width: 2, values: vec![0.0; 3] };
        assert!(Split::new(1, Inputs::F32(vec![0.0]), uneven).is_err());
        assert!(Split::new(usize::MAX, Inputs::F32(vec![]), vec![0; 2]).is_err());
    }
}
