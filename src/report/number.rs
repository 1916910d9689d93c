//! Numbers as tables and notes have them.

use crate::words::grouped;

/// [`grouped`], with a sign if it is negative.
pub(super) fn signed(number: i64) -> String {
    let sign = if number < 0 { "-" } else { "" };
    format!("{sign}{}", grouped(number.unsigned_abs()))
}

/// `0.1234` as `12.3 %`.
pub(super) fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn negative_numbers_have_a_sign() {
        assert_eq!([-1000, 7].map(signed), ["-1,000", "7"]);
    }
}
