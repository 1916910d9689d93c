use super::table::aligned;
use crate::report::{ComparisonSummary, notes, tables};

/// Result of `ckpt-gpu compare`, for a terminal of `width` characters.
pub fn comparison(summary: &ComparisonSummary, width: usize) -> String {
    let comparison = summary.comparison;
    let host = notes::dataset_on_host(comparison).map(|note| note + "\n").unwrap_or_default();
    let bytes = aligned(&tables::compared_bytes(comparison), width);
    let times = aligned(&tables::compared_times(comparison), width);
    let scores = notes::scores(comparison).map(|line| line + "\n").collect::<String>();
    format!("{bytes}{host}\n{times}\n{scores}")
}
