use crate::{Error, Result};

/// Position of a micro-batch in its mini-batch, which decides what backward does with its gradients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accumulation {
    /// The whole mini-batch: its gradients update the parameters at once.
    Whole,
    /// The first of several: its gradients replace the accumulated ones.
    First,
    /// Neither first nor last: its gradients are added to the accumulated ones.
    Middle,
    /// The last of several: the accumulated gradients and its own update the parameters.
    Last,
}

impl Accumulation {
    /// The accumulation of micro-batch `part` of `parts`.
    pub fn of(part: usize, parts: usize) -> Self {
        match (part == 0, part + 1 == parts) {
            (true, true) => Accumulation::Whole,
            (true, false) => Accumulation::First,
            (false, false) => Accumulation::Middle,
            (false, true) => Accumulation::Last,
        }
    }

    /// All that occur in a mini-batch of `parts` micro-batches, each once.
    pub fn all(parts: usize) -> impl Iterator<Item = Self> + Clone {
        let kinds = parts.min(3);
        (0..kinds).map(move |part| Self::of(part, kinds))
    }

    /// # Errors
    /// [`Error::Internal`] if it does not occur in a mini-batch of `parts` micro-batches.
    pub fn check(self, parts: usize) -> Result<()> {
        if Self::all(parts).any(|accumulation| accumulation == self) {
            return Ok(());
        }
        let problem = format!("{self:?} micro-batch on a device opened for {parts} micro-batches a step");
        Err(Error::internal(problem))
    }

    /// `true` if there are no gradients of earlier micro-batches.
    pub fn is_first(self) -> bool {
        matches!(self, Accumulation::Whole | Accumulation::First)
    }

    /// `true` if the parameters are updated.
    pub fn is_last(self) -> bool {
        matches!(self, Accumulation::Whole | Accumulation::Last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mini_batches_have_each_accumulation_that_they_need() {
        use Accumulation::{First, Last, Middle, Whole};
        for (parts, met, all) in [
            (1, vec![Whole], vec![Whole]),
            (2, vec![First, Last], vec![First, Last]),
            (3, vec![First, Middle, Last], vec![First, Middle, Last]),
            (5, vec![First, Middle, Middle, Middle, Last], vec![First, Middle, Last]),
        ] {
            assert_eq!((0..parts).map(|part| Accumulation::of(part, parts)).collect::<Vec<_>>(), met);
            assert_eq!(Accumulation::all(parts).collect::<Vec<_>>(), all);
        }
    }
}
