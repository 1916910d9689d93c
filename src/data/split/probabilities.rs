//! Targets that are probabilities of classes.

use std::path::Path;

use super::Split;
use crate::data::targets::Targets;
use crate::memory::check_host_room;
use crate::{Error, Result, Setting};

/// How far from 1 a row of probabilities may add up to: thirds with two decimals do to 0.99.
const SUM_TOLERANCE: f64 = 0.01;
/// Numbers of a row that messages show.
const FEW: usize = 6;

impl Split {
    /// Checks that targets that are numbers are rows of probabilities. `path` is that of the arrays, and `usual` the
    /// usual name of targets.
    ///
    /// # Errors
    /// [`Error::File`] for the first row that is not.
    pub(in crate::data) fn check_probabilities(&self, path: &Path, usual: &str) -> Result<()> {
        let Targets::Regression { width, values } = &self.targets else { return Ok(()) };
        let sum = |row: &[f32]| row.iter().copied().map(f64::from).sum::<f64>();
        let is_wrong =
            |row: &[f32]| !(row.iter().all(|&value| value >= 0.0) && (sum(row) - 1.0).abs() <= SUM_TOLERANCE);
        let Some(index) = values.chunks_exact(*width).position(is_wrong) else { return Ok(()) };
        let row = &values[index * width..(index + 1) * width];
        let (key, sample) = self.target_place(index, usual);
        if let Some(negative) = row.iter().find(|value| **value < 0.0) {
            let problem =
                format!("{key}: row {sample} holds {negative}, expected probabilities of at least 0");
            return Err(Error::file(path, problem));
        }
        let few: Vec<_> = row.iter().take(FEW).map(f32::to_string).collect();
        let more = if row.len() > FEW { ", …" } else { "" };
        let remedy = if *width > 1 && row.iter().all(|&value| value == 0.0 || value == 1.0) {
            format!("for several classes a sample use {}", Setting::Loss.with("binary-cross-entropy"))
        } else {
            format!("for numbers use {}", Setting::Loss.with("mse"))
        };
        let problem = format!(
            "{key}: row {sample} holds {}{more}, which add up to {:.4}, expected class labels, one-hot rows, or probabilities that \
             add up to 1; {remedy}",
            few.join(", "),
            sum(row)
        );
        Err(Error::file(path, problem))
    }

    /// With class labels as one-hot rows of `width` numbers. `path` is that of the arrays.
    pub(in crate::data) fn with_target_rows(mut self, path: &Path, width: usize) -> Result<Split> {
        let name = self.origin.targets.as_deref().unwrap_or("y").to_owned();
        let bytes = 4 * (self.len() * width) as u64;
        check_host_room("class labels as rows of probabilities", bytes, "give labels for all splits")?;
        let rows = self.targets.into_rows(width);
        self.targets = rows.map_err(|problem| Error::file(path, format!("{name}: {problem}")))?;
        Ok(self)
    }
}
