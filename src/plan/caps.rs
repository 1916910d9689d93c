//! Budgets to try in place of a larger one.

/// `bytes`, and then lower bounds on bytes, each list in descending order: the closest first, and then some further away.
///
/// All but `bytes` are round numbers. A search that depends on `bytes` only through these, and in which what fits a cap fits
/// every larger one, finds the same again in the bytes that its result takes.
pub(crate) fn caps(bytes: u64) -> impl Iterator<Item = u64> {
    let round = [(8, 3), (7, 2), (6, 3), (5, 2), (4, 2)];
    [bytes]
        .into_iter()
        .chain(round.into_iter().flat_map(move |(digits, count)| rounded_down(bytes, digits, count)))
}

/// The largest `count` numbers up to `bytes` with so many significant binary digits.
fn rounded_down(bytes: u64, digits: u32, count: usize) -> impl Iterator<Item = u64> {
    let round = move |bytes: u64| {
        let zeros = (u64::BITS - bytes.leading_zeros()).saturating_sub(digits);
        bytes >> zeros << zeros
    };
    let next = move |&bytes: &u64| bytes.checked_sub(1).map(round);
    std::iter::successors(Some(round(bytes)), next).take(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caps_by_hand() {
        let of = |bytes| caps(bytes).collect::<Vec<_>>();
        assert_eq!(of(1000), [1000, 1000, 996, 992, 1000, 992, 992, 976, 960, 992, 960, 960, 896]);
        assert_eq!(of(9), [9, 9, 8, 7, 9, 8, 9, 8, 7, 9, 8, 9, 8]);
        assert_eq!(of(1), [1, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0]);
        assert_eq!(rounded_down(u64::MAX, 4, 2).collect::<Vec<_>>(), [15 << 60, 14 << 60]);
    }

    /// Whatever a cap of a larger number allows, caps of what it allows allow, too.
    #[test]
    fn caps_between_are_the_same() {
        for bytes in [77, 1000, 65_537, 1 << 40, (1 << 40) + 12_345] {
            for cap in caps(bytes) {
                for taken in [cap, cap + (bytes - cap) / 3, bytes] {
                    assert!(caps(taken).any(|other| other == cap), "{bytes}, {cap}, {taken}");
                }
            }
        }
    }
}
