use super::aligned;
use crate::report::SweepSummary;

/// A table of the combinations of a sweep, the best first, for a terminal of `width` characters.
pub fn sweep(summary: &SweepSummary, width: usize) -> String {
    format!("\n{}\n{}", summary.about(), aligned(&summary.table(), width).trim_end())
}
