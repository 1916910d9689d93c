//! Scores of a ranking: how well numbers tell some samples from the others.

/// Numbers of samples, the largest first, each with whether the sample is one of those to find.
pub(super) struct Ranking(Vec<(f64, bool)>);

impl Ranking {
    pub fn of(samples: impl Iterator<Item = (f64, bool)>) -> Self {
        let mut samples: Vec<_> = samples.collect();
        samples.sort_unstable_by(|one, other| other.0.total_cmp(&one.0));
        Ranking(samples)
    }

    /// Samples to find and others, down to each different number.
    fn steps(&self) -> impl Iterator<Item = [u64; 2]> + '_ {
        // -0 and 0 are the same number.
        self.0.chunk_by(|one, next| one.0 == next.0).map(|equal| {
            let found = equal.iter().filter(|(_, is_one)| *is_one).count() as u64;
            [found, equal.len() as u64 - found]
        })
    }

    /// Area under the receiver operating characteristic: the share of pairs, of a sample to find and another, in which the first has
    /// the larger number; equal numbers count half. `None` without such pairs.
    pub fn roc_auc(&self) -> Option<f64> {
        let (mut above, mut area, mut others) = (0, 0.0, 0);
        for [found, passed] in self.steps() {
            area += passed as f64 * (above as f64 + found as f64 / 2.0);
            above += found;
            others += passed;
        }
        (above > 0 && others > 0).then(|| area / (above as f64 * others as f64))
    }

    /// Average precision: the precision down to each different number, weighted by the samples found there. `None` if there are none
    /// to find.
    pub fn average_precision(&self) -> Option<f64> {
        let (mut above, mut taken, mut sum) = (0, 0, 0.0);
        for [found, passed] in self.steps() {
            above += found;
            taken += found + passed;
            sum += found as f64 * above as f64 / taken as f64;
        }
        (above > 0).then(|| sum / above as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rankings_by_hand() {
        let ranking = |samples: &[(f64, bool)]| Ranking::of(samples.iter().copied());
        let mixed = ranking(&[(0.1, false), (0.4, false), (0.35, true), (0.8, true)]);
        assert_eq!((mixed.roc_auc(), mixed.average_precision()), (Some(0.75), Some((1.0 + 2.0 / 3.0) / 2.0)));
        let equal = ranking(&[(0.5, false), (0.5, true), (0.5, true), (0.5, false)]);
        assert_eq!((equal.roc_auc(), equal.average_precision()), (Some(0.5), Some(0.5)));
        let one_sided = ranking(&[(0.5, true), (0.1, true)]);
        assert_eq!((one_sided.roc_auc(), one_sided.average_precision()), (None, Some(1.0)));
        assert_eq!(ranking(&[(0.5, false)]).average_precision(), None);
    }
}
