//! Writing an archive, completely or not at all.

use super::dtype::Kind;
use super::header::header;
use super::shown::shown;
use crate::Result;
use crate::file;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, System, ZipWriter};

const CHUNK_VALUES: usize = 64 << 10;

/// An array to write.
#[derive(Debug, Clone)]
pub struct Entry<'a> {
    /// Its key: the member name without `.npy`.
    pub key: String,
    /// Length of each axis.
    pub shape: Vec<usize>,
    /// Its values in C order, as many as the product of `shape`.
    pub values: Elements<'a>,
}

/// Values of an array, written with the dtype of their variant.
#[derive(Debug, Clone, Copy)]
pub enum Elements<'a> {
    /// `float32`.
    F32(&'a [f32]),
    /// `uint8`.
    U8(&'a [u8]),
    /// `int64`.
    I64(&'a [i64]),
}

impl<'a, V: AsRef<[f32]> + ?Sized> From<&'a V> for Elements<'a> {
    fn from(values: &'a V) -> Self {
        Elements::F32(values.as_ref())
    }
}

impl Elements<'_> {
    fn len(self) -> usize {
        match self {
            Elements::F32(values) => values.len(),
            Elements::U8(values) => values.len(),
            Elements::I64(values) => values.len(),
        }
    }

    fn bytes(self) -> usize {
        match self {
            Elements::F32(values) => size_of_val(values),
            Elements::U8(values) => values.len(),
            Elements::I64(values) => size_of_val(values),
        }
    }

    fn kind(self) -> Kind {
        match self {
            Elements::F32(_) => Kind::F32,
            Elements::U8(_) => Kind::U8,
            Elements::I64(_) => Kind::Signed,
        }
    }

    fn write(self, to: &mut impl Write) -> io::Result<()> {
        match self {
            Elements::F32(values) => values.chunks(CHUNK_VALUES).try_for_each(|chunk| {
                let words: Vec<[u8; 4]> = chunk.iter().map(|value| value.to_le_bytes()).collect();
                to.write_all(words.as_flattened())
            }),
            Elements::U8(values) => to.write_all(values),
            Elements::I64(values) => values.chunks(CHUNK_VALUES).try_for_each(|chunk| {
                let words: Vec<[u8; 8]> = chunk.iter().map(|value| value.to_le_bytes()).collect();
                to.write_all(words.as_flattened())
            }),
        }
    }
}

/// Writes `entries` to `path` as arrays that `np.load` reads.
///
/// Equal entries give equal files. An existing file is replaced only by a complete one: the archive is
/// written beside it, synced, and renamed over it.
///
/// # Errors
/// [`crate::Error::File`] if the directory is not writable, if a key occurs twice, or if a shape does not match its
/// values.
pub fn write(path: &Path, entries: &[Entry]) -> Result<()> {
    file::replace(path, |file| write_zip(file, entries))
}

fn write_zip(file: &mut File, entries: &[Entry]) -> Result<(), String> {
    let mut zip = ZipWriter::new(BufWriter::new(file));
    for Entry { key, shape, values } in entries {
        let fail = |problem: String| format!("{}: {problem}", shown(key));
        let held = shape.iter().try_fold(1usize, |held, &axis| held.checked_mul(axis));
        if held != Some(values.len()) {
            return Err(fail(format!("the shape {shape:?} does not hold {} values", values.len())));
        }
        let header = header(values.kind(), shape).map_err(fail)?;
        let bytes = (header.len() + values.bytes()) as u64;
        // Metadata that would differ between runs or systems is fixed.
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .last_modified_time(DateTime::default())
            .system(System::Unix)
            .unix_permissions(0o644)
            .large_file(bytes > u64::from(u32::MAX));
        zip.start_file(format!("{key}.npy"), options).map_err(|e| fail(e.to_string()))?;
        let written = zip.write_all(&header).and_then(|()| values.write(&mut zip));
        written.map_err(|e| fail(e.to_string()))?;
    }
    let mut file = zip.finish().map_err(|e| e.to_string())?;
    file.flush().map_err(|e| e.to_string())
}
