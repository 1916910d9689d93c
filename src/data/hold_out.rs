//! Samples that are held out of training: a random share, or a fold of a cross-validation.

use super::inputs::Inputs;
use super::order::shuffle;
use super::split::Split;
use super::targets::Targets;
use crate::memory::check_host_room;
use crate::words::counted;
use crate::{Error, Result, Setting};

/// Two disjoint splits that together have all samples of one.
#[derive(Debug, Clone, PartialEq)]
pub struct HeldOut {
    /// Samples that remain for training.
    pub train: Split,
    /// Held-out samples, for evaluation.
    pub test: Split,
}

/// One of the parts that a cross-validation holds out in turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fold {
    /// Index, from 0.
    pub index: usize,
    /// Number of folds.
    pub count: usize,
}

impl Split {
    /// Holds out a random `share` of the samples, chosen by `seed`.
    ///
    /// # Errors
    /// [`Error::Usage`] if `share` is not between 0 and 1, or leaves one of the splits empty;
    /// [`Error::DoesNotFit`] if inputs are in memory and the host has no room for a copy.
    pub fn hold_out(&self, share: f64, seed: u64) -> Result<HeldOut> {
        check_share(share)?;
        let samples = self.len();
        let held = (samples as f64 * share).round() as usize;
        if held == 0 || held == samples {
            let problem = format!(
                "a share of {share} of its {} leaves none to train on or none to evaluate on",
                counted(samples, "sample")
            );
            return Err(Error::usage(Setting::Validation, problem));
        }
        let mut rows = Vec::new();
        // No epoch reaches this number.
        shuffle(seed, u64::MAX - 1, samples as u32, &mut rows);
        let (test, train) = rows.split_at_mut(held);
        test.sort_unstable();
        train.sort_unstable();
        self.held_out_at(train, test)
    }

    /// The samples at these rows, each in one of the two.
    ///
    /// # Errors
    /// [`Error::DoesNotFit`] if inputs are in memory and the host has no room for a copy, and those of [`Split::rows`].
    fn held_out_at(&self, train: &[u32], test: &[u32]) -> Result<HeldOut> {
        if !matches!(self.inputs(), Inputs::Mapped(_)) {
            let bytes = (self.inputs().len() * self.inputs().value_bytes()) as u64;
            let remedy = format!("use {}, which copies nothing", Setting::MapData.with(true));
            check_host_room("training and held-out samples", bytes, &remedy)?;
        }
        Ok(HeldOut { train: self.rows(train)?, test: self.rows(test)? })
    }

    /// Holds out a fold, chosen by `seed`: each sample is in exactly one fold. Two folds differ by at most one sample, and by at most
    /// one sample of each class where targets are class labels (stratified folds).
    ///
    /// # Errors
    /// [`Error::Usage`] for fewer than two folds, more folds than samples, or an index that is not below their number;
    /// [`Error::DoesNotFit`] if inputs are in memory and the host has no room for a copy.
    pub fn fold(&self, fold: Fold, seed: u64) -> Result<HeldOut> {
        let Fold { index, count } = fold;
        let samples = self.len();
        if !(2..=samples).contains(&count) {
            let problem = format!("found {count}, expected from 2 to {samples}, the number of samples");
            return Err(Error::usage(Setting::Folds, problem));
        }
        if index >= count {
            let problem = format!("found fold {index}, expected an index below {count}");
            return Err(Error::usage(Setting::Folds, problem));
        }
        let mut order = Vec::new();
        // No epoch reaches this number, and held-out shares have the next.
        shuffle(seed, u64::MAX - 2, samples as u32, &mut order);
        if let Targets::Classes(labels) = self.targets() {
            // Keeps the order within a class, which is dealt to the folds in turn.
            order.sort_by_key(|&row| labels[row as usize]);
        }
        let (mut test, mut train) = (Vec::new(), Vec::new());
        for (place, row) in order.into_iter().enumerate() {
            if place % count == index { test.push(row) } else { train.push(row) }
        }
        test.sort_unstable();
        train.sort_unstable();
        self.held_out_at(&train, &test)
    }
}

/// Checks the share of samples to hold out.
pub(super) fn check_share(share: f64) -> Result<()> {
    if share > 0.0 && share < 1.0 {
        return Ok(());
    }
    Err(Error::usage(Setting::Validation, format!("found {share}, expected above 0 and below 1")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_is_in_the_training_or_the_held_out_split() {
        let split = Split::new(1, Inputs::U8((0..10).collect()), (0..10).collect::<Vec<u32>>()).unwrap();
        let HeldOut { train, test } = split.hold_out(0.3, 5).unwrap();
        assert_eq!((train.len(), test.len()), (7, 3));
        let mut labels = [train.labels(), test.labels()].concat();
        labels.sort_unstable();
        assert_eq!(labels, (0..10).collect::<Vec<u32>>());
        assert_ne!(split.hold_out(0.3, 6).unwrap().test, test, "the seed has no effect");
        for share in [0.0, 1.0, -0.1, f64::NAN, 0.01, 0.99] {
            assert!(
                matches!(split.hold_out(share, 5), Err(Error::Usage { setting: Setting::Validation, .. })),
                "{share}"
            );
        }
    }

    fn folds(split: &Split, count: usize, seed: u64) -> Vec<HeldOut> {
        (0..count).map(|index| split.fold(Fold { index, count }, seed).unwrap()).collect()
    }

    /// The inputs, which number the samples.
    fn rows(split: &Split) -> Vec<u8> {
        match split.inputs() {
            Inputs::U8(rows) => rows.to_vec(),
            other => panic!("expected bytes, found {other:?}"),
        }
    }

    #[test]
    fn folds_are_disjoint_and_have_the_class_shares_of_all_samples() {
        let labels: Vec<u32> = (0..103).map(|n| if n % 10 == 0 { 2 } else { n % 2 }).collect();
        let split = Split::new(1, Inputs::U8((0..103).collect()), labels.clone()).unwrap();
        let folds = folds(&split, 5, 7);
        let mut held: Vec<u8> = folds.iter().flat_map(|fold| rows(&fold.test)).collect();
        held.sort_unstable();
        assert!(held.into_iter().eq(0..103));
        for fold in &folds {
            let mut all = [rows(&fold.train), rows(&fold.test)].concat();
            all.sort_unstable();
            assert!(all.into_iter().eq(0..103));
            assert!([20, 21].contains(&fold.test.len()));
            for class in 0..3 {
                let of_class = |labels: &[u32]| labels.iter().filter(|&&label| label == class).count();
                let (found, share) = (of_class(fold.test.labels()), of_class(&labels) as f64 / 5.0);
                assert!((found as f64 - share).abs() < 1.0, "class {class}: {found} of {share}");
            }
        }
    }

    #[test]
    fn folds_of_numbers_depend_on_the_seed() {
        let values = (0..10).map(|n| n as f32).collect();
        let targets = Targets::Regression { width: 1, values };
        let split = Split::new(1, Inputs::U8((0..10).collect()), targets).unwrap();
        let held = |seed| folds(&split, 3, seed).iter().map(|fold| rows(&fold.test)).collect::<Vec<_>>();
        assert_eq!(held(1).iter().map(Vec::len).collect::<Vec<_>>(), [4, 3, 3]);
        assert_eq!(held(1), held(1));
        assert_ne!(held(1), held(2));
        for (fold, found) in [
            (Fold { index: 0, count: 1 }, "found 1, expected from 2 to 10"),
            (Fold { index: 0, count: 11 }, "found 11, expected from 2 to 10"),
            (Fold { index: 3, count: 3 }, "found fold 3, expected an index below 3"),
        ] {
            assert!(split.fold(fold, 0).unwrap_err().to_string().contains(found));
        }
    }
}
