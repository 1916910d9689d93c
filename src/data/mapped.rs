//! Memory-mapped inputs: the system reads what a mini-batch needs, and reclaims the memory when it is short.

use std::fs::File;
use std::ops::Range;
use std::sync::Arc;

use flate2::Crc;
use memmap2::{Mmap, MmapOptions};

use super::element::{U8_SCALE, not_finite};
use super::feature_scaling::FeatureScaling;
use crate::Result;

/// Bytes of a file that are checked at a time, or of a view that are copied at a time.
const PIECE_BYTES: usize = 1 << 20;

/// Why an array cannot be mapped.
pub(super) enum Unmapped {
    /// It can only be read into memory; says why, and how to save it so that it can be mapped.
    Unsuited(String),
    /// The file is damaged or inconsistent; says how.
    Broken(String),
}

impl From<String> for Unmapped {
    fn from(problem: String) -> Self {
        Unmapped::Broken(problem)
    }
}

/// Type of the values in a mapped file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stored {
    U8,
    /// Little-endian, of any alignment.
    F32,
}

impl Stored {
    fn width(self) -> usize {
        match self {
            Stored::U8 => 1,
            Stored::F32 => 4,
        }
    }
}

/// Inputs of the samples in a mapped file, or of a selection of them.
#[derive(Debug, Clone)]
pub struct Mapped {
    map: Arc<Mmap>,
    /// Offset of the first value in bytes.
    start: usize,
    stored: Stored,
    features: usize,
    /// Indices of the selected samples in the file; `None` for all of them.
    rows: Option<Arc<[u32]>>,
    /// Feature scaling applied to samples as they are read.
    scaling: Option<Arc<FeatureScaling>>,
}

/// An array in a mapped file.
pub(super) struct MappedArray {
    /// Length of each axis.
    pub shape: Vec<usize>,
    pub mapped: Mapped,
}

/// Maps `length` bytes of `file` from byte `start` on.
pub(super) fn map(file: &File, start: u64, length: u64) -> Result<Mmap, String> {
    let held = file.metadata().map_err(|error| format!("cannot be read: {error}"))?.len();
    if start.checked_add(length).is_none_or(|end| end > held) {
        return Err(format!("ends after {held} bytes, expected {length} from byte {start} on"));
    }
    let length = usize::try_from(length)
        .map_err(|_| format!("takes {length} bytes, more than this machine can address"))?;
    // SAFETY: The map is only read, as bytes, and all byte patterns are valid. Other programs cannot be kept
    // from writing to the file meanwhile; LoadOptions and the documentation tell users not to let them.
    unsafe { MmapOptions::new().offset(start).len(length).map(file) }
        .map_err(|error| format!("cannot be mapped: {error}"))
}

impl Mapped {
    /// All samples of an array of `shape`, whose `stored` values follow the first `start` bytes of `map`.
    pub(super) fn new(map: Mmap, start: usize, shape: &[usize], stored: Stored) -> Self {
        let features = shape.get(1..).unwrap_or_default().iter().product();
        Mapped { map: Arc::new(map), start, stored, features, rows: None, scaling: None }
    }

    /// Reads the file once to check that floats are finite and that all mapped bytes have this CRC-32
    /// `checksum`.
    pub(super) fn check(&self, checksum: Option<u32>) -> Result<(), String> {
        let checked = self.check_in_order(checksum);
        expect_no_order(&self.map);
        checked
    }

    fn check_in_order(&self, checksum: Option<u32>) -> Result<(), String> {
        if self.stored == Stored::U8 && checksum.is_none() {
            return Ok(());
        }
        let (before, values) = self.map.split_at(self.start);
        let mut crc = Crc::new();
        crc.update(before);
        let mut wrong = None;
        for (piece, bytes) in values.chunks(PIECE_BYTES).enumerate() {
            if checksum.is_some() {
                crc.update(bytes);
            }
            if self.stored == Stored::F32 && wrong.is_none() {
                let mut floats = bytes.as_chunks().0.iter().map(|&word| f32::from_le_bytes(word)).enumerate();
                let found = floats.find(|(_, value)| !value.is_finite());
                wrong = found.map(|(at, value)| (piece * PIECE_BYTES / 4 + at, value));
            }
        }
        match wrong {
            _ if checksum.is_some_and(|checksum| checksum != crc.sum()) => {
                Err("does not match its declared checksum; the file is damaged".to_owned())
            }
            Some((at, value)) => Err(not_finite(value, at, self.features)),
            None => Ok(()),
        }
    }

    /// Number of values.
    pub(super) fn len(&self) -> usize {
        match &self.rows {
            Some(rows) => rows.len() * self.features,
            None => (self.map.len() - self.start) / self.stored.width(),
        }
    }

    pub(super) fn features(&self) -> usize {
        self.features
    }

    /// Bytes of one value as a device stores it: 1 or 4.
    pub(super) fn value_bytes(&self) -> usize {
        if self.scaling.is_some() { 4 } else { self.stored.width() }
    }

    /// The samples at `rows`, in that order, without a copy.
    ///
    /// # Panics
    /// If a row is out of range.
    pub(super) fn rows(&self, rows: &[u32]) -> Mapped {
        let in_file = match &self.rows {
            Some(all) => rows.iter().map(|&row| all[row as usize]).collect(),
            None => rows.into(),
        };
        Mapped { rows: Some(in_file), ..self.clone() }
    }

    /// The same samples with `scaling` applied as they are read; `None` if they are already scaled.
    pub(super) fn standardised(&self, scaling: &FeatureScaling) -> Option<Mapped> {
        let is_unscaled = self.scaling.is_none();
        is_unscaled.then(|| Mapped { scaling: Some(Arc::new(scaling.clone())), ..self.clone() })
    }

    /// Writes the inputs of the sample at `row` to `out`, `[features]`.
    ///
    /// # Panics
    /// If `row` is out of range.
    pub(super) fn read(&self, row: usize, out: &mut [f32]) {
        let bytes = self.bytes(row);
        match self.stored {
            Stored::U8 => {
                for (out, &byte) in out.iter_mut().zip(bytes) {
                    *out = f32::from(byte) * U8_SCALE;
                }
            }
            Stored::F32 => {
                for (out, &word) in out.iter_mut().zip(bytes.as_chunks().0) {
                    *out = f32::from_le_bytes(word);
                }
            }
        }
        if let Some(scaling) = &self.scaling {
            for (feature, value) in out.iter_mut().enumerate() {
                *value = scaling.value(feature, f64::from(*value));
            }
        }
    }

    /// Asks the system to read the samples at `rows` ahead, so that it fetches them concurrently.
    pub(super) fn read_ahead(&self, rows: impl Iterator<Item = usize>) {
        let mut run = 0..0;
        for row in rows {
            let next = self.range(row);
            if next.start == run.end {
                run.end = next.end;
            } else {
                will_need(&self.map, std::mem::replace(&mut run, next));
            }
        }
        will_need(&self.map, run);
    }

    /// Passes all values to `take` in pieces, as `Inputs::in_pieces` describes.
    pub(super) fn in_pieces(&self, mut take: impl FnMut(u64, &[u8]) -> Result<()>) -> Result<()> {
        let samples = self.len() / self.features;
        let sample_bytes = self.features * self.value_bytes();
        // A multiple of four samples is a whole number of words, whatever their width.
        let most = (PIECE_BYTES / sample_bytes).max(1).next_multiple_of(4);
        let mut floats = vec![0.0; self.features];
        let mut piece = Vec::new();
        for first in (0..samples).step_by(most) {
            let rows = first..samples.min(first + most);
            let offset = (first * sample_bytes) as u64;
            self.read_ahead(rows.clone());
            if self.rows.is_none() && self.scaling.is_none() {
                take(offset, &self.map[self.range(rows.start).start..self.range(rows.end).start])?;
                continue;
            }
            piece.clear();
            for row in rows {
                if self.scaling.is_some() {
                    self.read(row, &mut floats);
                    piece.extend_from_slice(bytemuck::cast_slice(&floats));
                } else {
                    piece.extend_from_slice(self.bytes(row));
                }
            }
            take(offset, &piece)?;
        }
        Ok(())
    }

    fn bytes(&self, row: usize) -> &[u8] {
        &self.map[self.range(row)]
    }

    /// Byte range of a sample in the map.
    fn range(&self, row: usize) -> Range<usize> {
        let in_file = self.rows.as_ref().map_or(row, |rows| rows[row] as usize);
        let width = self.features * self.stored.width();
        let start = self.start + in_file * width;
        start..start + width
    }
}

/// Turns read-ahead around each access off, because samples are read in random order. (With Linux's default,
/// steps on samples of 10 KB in a file of 40 GB took fifty times as long.) This is advice; a system that
/// ignores it is only slower.
#[cfg(unix)]
fn expect_no_order(map: &Mmap) {
    let _ = map.advise(memmap2::Advice::Random);
}

#[cfg(unix)]
fn will_need(map: &Mmap, range: Range<usize>) {
    let _ = map.advise_range(memmap2::Advice::WillNeed, range.start, range.len());
}

#[cfg(not(unix))]
fn expect_no_order(_: &Mmap) {}

#[cfg(not(unix))]
fn will_need(_: &Mmap, _: Range<usize>) {}

/// Compares the values that are read, wherever they are stored.
impl PartialEq for Mapped {
    fn eq(&self, other: &Self) -> bool {
        let kind = |mapped: &Mapped| (mapped.stored, mapped.features, mapped.len());
        let samples = self.len().checked_div(self.features).unwrap_or(0);
        kind(self) == kind(other)
            && self.scaling == other.scaling
            && (0..samples).all(|row| self.bytes(row) == other.bytes(row))
    }
}
