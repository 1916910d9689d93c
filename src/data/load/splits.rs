use std::path::{Path, PathBuf};

use super::read::Read;
use crate::data::split::Split;
use crate::data::table::Column;
use crate::data::targets::TargetKind;
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
        let one = kind.of_all(reads.clone().filter_map(|read| read.targets.as_ref()));
        CommonKind {
            kind: one,
            are_probabilities: kind == TargetKind::ByRows && one == TargetKind::Numbers,
            width: reads.filter_map(Read::target_width).max().unwrap_or(1),
        }
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

    /// The samples of each of `reads`, if there are any, from its path.
    ///
    /// # Errors
    /// [`Error::File`] for rows of different lengths, and those of [`CommonKind::split`].
    pub fn splits<const N: usize>(self, reads: [Option<(Read, PathBuf)>; N]) -> Result<[Option<Split>; N]> {
        for (read, path) in reads.iter().flatten() {
            let width = read.target_width().unwrap_or(self.width);
            let is_label = self.kind == TargetKind::Classes || (self.are_probabilities && width == 1);
            if width != self.width && !is_label {
                let problem = format!(
                    "{} has {width} targets a sample, expected {}, as another split has",
                    read.targets_name(),
                    self.width
                );
                return Err(Error::file(path, problem));
            }
        }
        let mut splits = [const { None }; N];
        for (split, read) in splits.iter_mut().zip(reads) {
            *split = read.map(|(read, path)| self.split(read, &path)).transpose()?;
        }
        Ok(splits)
    }
}
