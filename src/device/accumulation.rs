/// Which part of a batch a micro-batch is, and so what becomes of its gradients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Accumulation {
    /// The whole batch: its gradients move the parameters at once.
    Whole,
    /// The first of several parts: its gradients are kept.
    First,
    /// Neither the first nor the last: its gradients are added to those kept.
    Middle,
    /// The last of several parts: its gradients and those kept move the parameters.
    Last,
}

impl Accumulation {
    /// That of part `part`, counted from 0, of a batch in `parts` parts.
    pub fn of(part: usize, parts: usize) -> Self {
        match (part == 0, part + 1 == parts) {
            (true, true) => Accumulation::Whole,
            (true, false) => Accumulation::First,
            (false, false) => Accumulation::Middle,
            (false, true) => Accumulation::Last,
        }
    }

    /// Every one that a batch in `parts` parts meets, each once.
    pub fn all(parts: usize) -> impl Iterator<Item = Self> + Clone {
        let kinds = parts.min(3);
        (0..kinds).map(move |part| Self::of(part, kinds))
    }

    /// Whether no gradients are kept from an earlier part.
    pub fn is_first(self) -> bool {
        matches!(self, Accumulation::Whole | Accumulation::First)
    }

    /// Whether the parameters move.
    pub fn is_last(self) -> bool {
        matches!(self, Accumulation::Whole | Accumulation::Last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_meets_every_part_of_its_number() {
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
