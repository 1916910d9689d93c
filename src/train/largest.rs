//! The largest batch that a budget allows.

use super::Target;
use crate::device::{DatasetPlacement, Division, Task};
use crate::strategy::Strategy;

/// Samples of which the size of a batch is a multiple on a GPU, if it has as many: divisions of it keep its bits.
const GPU_SAMPLES: usize = 256;
/// The same for smaller batches, and on the CPU.
const SAMPLES: usize = 8;

/// A batch that a budget allows, in one piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LargestBatch {
    /// Samples in a mini-batch.
    pub batch: usize,
    /// `true` if nothing is recomputed.
    pub stores_all: bool,
}

impl Target {
    /// The largest batch of at most `most` samples that `task` can have in one piece under `budget`: the largest that recomputes
    /// nothing, or if none does, the largest that can be planned. It is found by bisection, as if smaller batches never took
    /// more bytes, and rounded down: to a multiple of 256 samples on a GPU, or to a multiple of 8 if it is smaller or on the
    /// CPU. Neither `most` nor less than 8 samples is rounded. `None` if not even one sample can be planned.
    pub fn largest_batch(
        self,
        task: &Task,
        budget: u64,
        placement: DatasetPlacement,
        most: usize,
    ) -> Option<LargestBatch> {
        let may_store = |batch| {
            let bytes = self.least_stored_bytes(&whole(task, batch), placement);
            bytes.is_ok_and(|bytes| bytes <= budget)
        };
        let stores = |batch| {
            let planned = self.plan_plainly(Strategy::Budget(budget), &whole(task, batch), placement);
            planned.is_ok_and(|planned| planned.plan.prediction.recomputed_layers == 0)
        };
        let stored = largest(most, may_store).and_then(|bound| self.tidy_largest(bound, most, stores));
        let stored = stored.map(|batch| LargestBatch { batch, stores_all: true });
        stored.or_else(|| {
            let batch = self.largest_planned_batch(task, budget, placement, most)?;
            Some(LargestBatch { batch, stores_all: false })
        })
    }

    /// The largest batch that can be planned, with recomputation or without; otherwise as [`Target::largest_batch`].
    pub(super) fn largest_planned_batch(
        self,
        task: &Task,
        budget: u64,
        placement: DatasetPlacement,
        most: usize,
    ) -> Option<usize> {
        let fits = |batch| self.fits(Strategy::Budget(budget), &whole(task, batch), placement);
        largest(most, fits).and_then(|bound| self.tidy_largest(bound, most, fits))
    }

    /// The largest size of at most `bound` that `fits` accepts, rounded down unless it is `most`.
    fn tidy_largest(self, bound: usize, most: usize, fits: impl Fn(usize) -> bool) -> Option<usize> {
        let tidy = |size: usize| match size {
            size if size == most || size < SAMPLES => size,
            GPU_SAMPLES.. if matches!(self, Target::Gpu(_)) => size - size % GPU_SAMPLES,
            _ => size - size % SAMPLES,
        };
        // Most bounds are met, but for bytes between values.
        if fits(tidy(bound)) {
            return Some(tidy(bound));
        }
        let size = largest(bound, &fits)?;
        Some(tidy(size)).filter(|&size| fits(size)).or(Some(size))
    }
}

/// `task` with batches of `batch` samples in one piece.
fn whole<'a>(task: &Task<'a>, batch: usize) -> Task<'a> {
    Task { micro_batch: batch, parts: 1, division: Division::None, ..*task }
}

/// The largest of 1 to `most` that `fits` accepts: `most`, or else as if it accepted all smaller ones.
pub(super) fn largest(most: usize, fits: impl Fn(usize) -> bool) -> Option<usize> {
    if most == 0 {
        return None;
    }
    // In one piece, a batch needs no buffers for gradients, which smaller micro-batches do.
    if fits(most) {
        return Some(most);
    }
    if !fits(1) {
        return None;
    }
    let (mut good, mut bad) = (1, most.saturating_add(1));
    // Sizes close to the result take less time to plan than those close to `most`.
    while good < most {
        let next = good.saturating_mul(2).min(most);
        if !fits(next) {
            bad = next;
            break;
        }
        good = next;
    }
    while bad - good > 1 {
        let middle = good + (bad - good) / 2;
        if fits(middle) { good = middle } else { bad = middle }
    }
    Some(good)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn largest_is_found_by_few_trials() {
        for most in [1, 2, 3, 7, 64, 1000] {
            for limit in 0..=most + 1 {
                let trials = std::cell::Cell::new(0);
                let fits = |size: usize| {
                    assert!((1..=most).contains(&size));
                    trials.set(trials.get() + 1);
                    size <= limit
                };
                assert_eq!(
                    largest(most, fits),
                    Some(limit.min(most)).filter(|&size| size > 0),
                    "{most} {limit}"
                );
                assert!(trials.get() <= 23, "{most} {limit}");
            }
        }
        assert_eq!(largest(0, |_| true), None);
        assert_eq!(largest(usize::MAX, |size| size <= 5), Some(5));
    }
}
