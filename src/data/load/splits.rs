use std::path::{Path, PathBuf};

use super::read::{Read, about};
use crate::data::npz::{Array, shown};
use crate::data::split::Split;
use crate::data::table::Column;
use crate::data::targets::TargetKind;
use crate::words::counted;
use crate::{Error, Result};

/// Splits as a file has them.
pub(super) struct Splits {
    pub train: Split,
    pub validation: Option<Split>,
    pub test: Option<Split>,
    /// Columns of a table that became features.
    pub columns: Vec<Column>,
    /// Columns of a table that became targets.
    pub targets: Vec<String>,
    /// Names of the classes in a table.
    pub classes: Vec<String>,
}

impl Splits {
    pub fn without_columns(train: Split, validation: Option<Split>, test: Option<Split>) -> Self {
        Splits { train, validation, test, columns: Vec::new(), targets: Vec::new(), classes: Vec::new() }
    }
}

/// `train` with the weights in the array or column `key` of the file at `path`.
pub(super) fn weighted(train: Split, weights: Array, key: &str, path: &Path) -> Result<Split> {
    let place = format!("{}: ", shown(key));
    if weights.shape.get(1..).is_some_and(|axes| axes.iter().product::<usize>() != 1) {
        let problem =
            format!("{place}has shape {:?}, expected one weight for each training sample", weights.shape);
        return Err(Error::file(path, problem));
    }
    train.with_weights(weights.values.into_f32()).map_err(|error| about(path, &place, error))
}

/// A split as it was read, and the file or directory that it is from.
pub(super) type FromFile = (Read, PathBuf);

/// What targets of splits are, all of one kind.
#[derive(Clone, Copy)]
pub(super) struct CommonKind {
    pub kind: TargetKind,
    /// `true` if they are probabilities of classes.
    pub are_probabilities: bool,
    /// Most targets of a sample.
    width: usize,
}

impl CommonKind {
    /// The `kind` of the targets in `reads`, which may depend on all of them.
    pub fn of<'r>(kind: TargetKind, reads: impl Iterator<Item = &'r Read> + Clone) -> Self {
        let common = kind.of_all(reads.clone().filter_map(|read| read.targets.as_ref()));
        CommonKind {
            kind: common,
            are_probabilities: kind == TargetKind::ByRows && common == TargetKind::Numbers,
            width: reads.filter_map(Read::target_width).max().unwrap_or(1),
        }
    }

    /// `true` if they are any numbers, which may lose digits in `f32`.
    pub fn are_numbers(self) -> bool {
        self.kind == TargetKind::Numbers && !self.are_probabilities
    }

    /// The samples of `read`, from `path`.
    pub fn split(self, read: Read, path: &Path) -> Result<Split> {
        if !self.are_probabilities {
            return read.split(path, self.kind);
        }
        if read.target_width() == Some(1) {
            // Labels beside probabilities, as tests of smoothed or mixed targets have them.
            return read.split(path, TargetKind::ByRows)?.with_target_rows(path, self.width);
        }
        let split = read.split(path, self.kind)?;
        split.check_probabilities(path, "targets")?;
        Ok(split)
    }

    /// The samples of the training split and of the others, each from its path.
    ///
    /// # Errors
    /// [`Error::File`] for rows of different lengths, and those of [`CommonKind::split`].
    pub fn splits(
        self,
        train: FromFile,
        others: [Option<FromFile>; 2],
    ) -> Result<(Split, [Option<Split>; 2])> {
        for (read, path) in [&train].into_iter().chain(others.iter().flatten()) {
            let width = read.target_width().unwrap_or(self.width);
            let is_label = self.kind == TargetKind::Classes || (self.are_probabilities && width == 1);
            if width != self.width && !is_label {
                let problem = format!(
                    "{} has {} a sample, expected {}, as another split has",
                    read.targets_name(),
                    counted(width, "target"),
                    self.width
                );
                return Err(Error::file(path, problem));
            }
        }
        let split = |(read, path): FromFile| self.split(read, &path);
        let [validation, test] = others.map(|read| read.map(split).transpose());
        Ok((split(train)?, [validation?, test?]))
    }
}
