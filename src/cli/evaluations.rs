//! The evaluations of a run that its reports show.

use crate::train::EvaluationRecord;

/// Most evaluations within epochs that are kept.
const MOST: usize = 4000;

/// Evaluations in order: all at the end of epochs, and within epochs each of them, or of many some at even distances.
#[derive(Debug)]
pub(super) struct Evaluations {
    /// Each with its index among those within epochs; `None` at the end of an epoch.
    kept: Vec<(Option<u64>, EvaluationRecord)>,
    /// Evaluations within epochs so far.
    within: u64,
    /// Kept ones of them.
    kept_within: usize,
    /// Every one with an index that is a multiple of this is kept.
    every: u64,
}

impl Evaluations {
    pub fn new() -> Self {
        Evaluations { kept: Vec::new(), within: 0, kept_within: 0, every: 1 }
    }

    pub fn push(&mut self, evaluated: &EvaluationRecord) {
        if evaluated.epoch.is_some() {
            self.kept.push((None, *evaluated));
            return;
        }
        let index = self.within;
        self.within += 1;
        if !index.is_multiple_of(self.every) {
            return;
        }
        self.kept.push((Some(index), *evaluated));
        self.kept_within += 1;
        if self.kept_within > MOST {
            self.every *= 2;
            let every = self.every;
            self.kept.retain(|(index, _)| index.is_none_or(|index| index.is_multiple_of(every)));
            self.kept_within = self.kept.iter().filter(|(index, _)| index.is_some()).count();
        }
    }

    pub fn into_kept(self) -> Vec<EvaluationRecord> {
        self.kept.into_iter().map(|(_, evaluated)| evaluated).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::EvaluatedOn;
    use crate::train::{Epoch, Evaluation};

    #[test]
    fn many_evaluations_within_epochs_are_kept_at_even_distances() {
        let mut evaluations = Evaluations::new();
        let test = Evaluation { on: EvaluatedOn::Test, loss: 1.0, accuracy: None };
        for steps in 1..=20_000 {
            let epoch =
                (steps % 5000 == 0).then(|| Epoch { index: steps as usize / 5000 - 1, loss: 1.0, test });
            let epoch_index = (steps as usize - 1) / 5000;
            evaluations.push(&EvaluationRecord {
                steps,
                epoch_index,
                loss: 1.0,
                test,
                training: None,
                epoch,
            });
        }
        let kept = evaluations.into_kept();
        let ends: Vec<_> = kept.iter().filter(|one| one.epoch.is_some()).map(|one| one.steps).collect();
        assert_eq!(ends, [5000, 10_000, 15_000, 20_000]);
        let within: Vec<_> = kept.iter().filter(|one| one.epoch.is_none()).map(|one| one.steps).collect();
        assert!((MOST / 2..=MOST).contains(&within.len()), "{}", within.len());
        // The ends of epochs are not among those that are counted.
        assert!(within.windows(2).all(|pair| (8..=9).contains(&(pair[1] - pair[0]))), "{within:?}");
        assert!(kept.is_sorted_by_key(|one| one.steps));
    }
}
