//! Inputs that stay in their file: the system reads what a mini-batch needs, and gives the memory back when it is short.

use std::fs::File;
use std::ops::Range;
use std::sync::Arc;

use flate2::Crc;
use memmap2::{Mmap, MmapOptions};

use super::feature_scaling::FeatureScaling;
use super::split::{U8_SCALE, not_finite};
use crate::Result;

/// How much of a file is looked through at a time, and how much of a view is copied.
const PIECE_BYTES: usize = 1 << 20;

/// Why an array is not mapped.
pub(super) enum Unmapped {
    /// It can only be read; says why, and how to save it instead.
    Unsuited(String),
    /// It cannot be trusted; says why.
    Broken(String),
}

impl From<String> for Unmapped {
    fn from(problem: String) -> Self {
        Unmapped::Broken(problem)
    }
}

/// What mapped values are in their file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stored {
    U8,
    /// Little-endian, at any alignment.
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

/// The inputs of samples in a mapped file, or a view of some of them.
#[derive(Debug, Clone)]
pub struct Mapped {
    map: Arc<Mmap>,
    /// Where the first value is.
    start: usize,
    stored: Stored,
    features: usize,
    /// Which of the file's samples, in this order; all of them where there is no list.
    rows: Option<Arc<[u32]>>,
    /// What is made of them as they are read.
    scaling: Option<Arc<FeatureScaling>>,
}

/// Maps `length` bytes of `file` from `start` on.
pub(super) fn map(file: &File, start: u64, length: u64) -> Result<Mmap, String> {
    let held = file.metadata().map_err(|error| format!("cannot be read: {error}"))?.len();
    if start.checked_add(length).is_none_or(|end| end > held) {
        return Err(format!("ends after {held} bytes, expected {length} from byte {start} on"));
    }
    let length = usize::try_from(length)
        .map_err(|_| format!("takes {length} bytes, more than this machine's addresses reach"))?;
    // SAFETY: The map is only ever read, as bytes, and any bytes are values. Nobody can keep other programs from writing to
    // the file meanwhile; LoadOptions and the README tell users not to let them.
    unsafe { MmapOptions::new().offset(start).len(length).map(file) }
        .map_err(|error| format!("cannot be mapped: {error}"))
}

impl Mapped {
    /// What `map` holds after `start` bytes: `stored` values, just those of `shape`.
    pub(super) fn new(map: Mmap, start: usize, shape: &[usize], stored: Stored) -> Self {
        let features = shape.get(1..).unwrap_or_default().iter().product();
        Mapped { map: Arc::new(map), start, stored, features, rows: None, scaling: None }
    }

    /// Looks through the file once: whether floats are finite, and whether all bytes that are mapped have this `checksum`.
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
                Err("has another checksum than it declares; the file is damaged".to_owned())
            }
            Some((at, value)) => Err(not_finite(value, at, self.features)),
            None => Ok(()),
        }
    }

    /// How many values there are.
    pub(super) fn len(&self) -> usize {
        match &self.rows {
            Some(rows) => rows.len() * self.features,
            None => (self.map.len() - self.start) / self.stored.width(),
        }
    }

    pub(super) fn features(&self) -> usize {
        self.features
    }

    /// Bytes of each value as it is used: 1 or 4.
    pub(super) fn value_bytes(&self) -> usize {
        if self.scaling.is_some() { 4 } else { self.stored.width() }
    }

    /// A view of some samples.
    ///
    /// # Panics
    /// Where there is no such row.
    pub(super) fn rows(&self, rows: &[u32]) -> Mapped {
        let in_file = match &self.rows {
            Some(all) => rows.iter().map(|&row| all[row as usize]).collect(),
            None => rows.into(),
        };
        Mapped { rows: Some(in_file), ..self.clone() }
    }

    /// The same samples, made `standard` as they are read; none where they already are made something else.
    pub(super) fn standardised(&self, scaling: &FeatureScaling) -> Option<Mapped> {
        let none_yet = self.scaling.is_none();
        none_yet.then(|| Mapped { scaling: Some(Arc::new(scaling.clone())), ..self.clone() })
    }

    /// Writes the inputs of a sample to `out`.
    ///
    /// # Panics
    /// Where there is no such row.
    pub(super) fn read(&self, row: usize, out: &mut [f32]) {
        let bytes = self.bytes(row);
        match self.stored {
            Stored::U8 => {
                out.iter_mut().zip(bytes).for_each(|(out, &byte)| *out = f32::from(byte) * U8_SCALE);
            }
            Stored::F32 => {
                let words = bytes.as_chunks().0.iter();
                out.iter_mut().zip(words).for_each(|(out, &word)| *out = f32::from_le_bytes(word));
            }
        }
        if let Some(scaling) = &self.scaling {
            out.iter_mut().enumerate().for_each(|(feature, value)| {
                *value = scaling.value(feature, f64::from(*value));
            });
        }
    }

    /// Has the system begin to read some samples, so that it need not wait for one after the other.
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

    /// As [`Inputs::in_pieces`](super::Inputs::in_pieces).
    pub(super) fn in_pieces(&self, mut take: impl FnMut(u64, &[u8]) -> Result<()>) -> Result<()> {
        let samples = self.len() / self.features;
        let sample_bytes = self.features * self.value_bytes();
        // Four samples are whole words, whatever their width.
        let most = (PIECE_BYTES / sample_bytes).max(1).next_multiple_of(4);
        let mut floats = vec![0.0; self.features];
        let mut piece = Vec::new();
        for first in (0..samples).step_by(most) {
            let rows = first..samples.min(first + most);
            let place = (first * sample_bytes) as u64;
            self.read_ahead(rows.clone());
            if self.rows.is_none() && self.scaling.is_none() {
                take(place, &self.map[self.range(rows.start).start..self.range(rows.end).start])?;
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
            take(place, &piece)?;
        }
        Ok(())
    }

    fn bytes(&self, row: usize) -> &[u8] {
        &self.map[self.range(row)]
    }

    /// Where a sample is in the map.
    fn range(&self, row: usize) -> Range<usize> {
        let in_file = self.rows.as_ref().map_or(row, |rows| rows[row] as usize);
        let width = self.features * self.stored.width();
        let start = self.start + in_file * width;
        start..start + width
    }
}

/// Samples are read in any order: what lies about one is read in vain. (Left to itself, Linux read so much around samples of
/// 10 KB out of 40 GB that a step took fifty times as long.) The system may not listen.
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

/// By what is read, wherever it lies.
impl PartialEq for Mapped {
    fn eq(&self, other: &Self) -> bool {
        let what = |mapped: &Mapped| (mapped.stored, mapped.features, mapped.len());
        let samples = self.len().checked_div(self.features).unwrap_or(0);
        what(self) == what(other)
            && self.scaling == other.scaling
            && (0..samples).all(|row| self.bytes(row) == other.bytes(row))
    }
}
