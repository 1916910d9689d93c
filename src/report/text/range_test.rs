use super::aligned;
use crate::report::table::{Table, numbers};
use crate::train::{RangeStep, RangeTestResult};

/// Most rows of the table, besides that of the last step.
const ROWS: usize = 15;

/// A table of some steps of a range test, the last included, for a terminal of `width` characters.
pub fn range_test(tested: &RangeTestResult, width: usize) -> String {
    let steps = &tested.steps;
    let apart = steps.len().div_ceil(ROWS).max(1);
    let row = |step: &RangeStep| {
        let RangeStep { rate, loss, smoothed } = step;
        vec![format!("{rate:.2e}"), format!("{loss:.6}"), format!("{smoothed:.6}")]
    };
    // Counted from the end, so that the last step is there.
    let mut rows: Vec<_> = steps.iter().rev().step_by(apart).map(row).collect();
    rows.reverse();
    let columns = ["learning rate", "loss", "smoothed loss"].map(numbers).into();
    aligned(&Table { columns, rows }, width)
}
