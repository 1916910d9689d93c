//! Reading an archive, one checked member at a time.

use super::directory::{self, Zip};
use super::elements::{Array, Values};
use super::header::Header;
use super::{npy, shown};
use crate::data::mapped::{Mapped, Unmapped, map};
use crate::memory::available_host_bytes;
use crate::{Error, Result};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use zip::CompressionMethod;

/// Bytes that one [`Archive`] inflates in all before it refuses the next compressed member: 8 GiB, or what memory the host
/// has.
pub const MAX_INFLATED_BYTES: u64 = 8 << 30;

/// A deflate stream grows at most 1032 times: 258 bytes out of a length and a distance of one bit each.
const DEFLATE_MAX_RATIO: u64 = 1032;
const CHUNK_BYTES: usize = 256 << 10;
const ENCRYPTED: &str = "is encrypted, expected a plain member; save it without a password";
const MAX_KEYS_NAMED: usize = 20;

/// An open `.npz`, its directory read and its members not.
pub struct Archive {
    path: PathBuf,
    zip: Zip,
    members: BTreeMap<String, usize>,
    inflatable: u64,
}

impl Archive {
    /// Opens `path` and reads its directory. Members not named `*.npy` are passed over.
    ///
    /// Fails where the file is missing, is no zip archive, or holds too many members or two of one name.
    pub fn open(path: &Path) -> Result<Archive> {
        let fail = |problem: String| Error::file(path, problem);
        let unopened = |e: io::Error| match e.kind() {
            ErrorKind::NotFound => fail("no such file".into()),
            _ => fail(format!("cannot be opened: {e}")),
        };
        // Asked before it is opened: opening a pipe would wait for its writer.
        if !path.metadata().map_err(unopened)?.is_file() {
            return Err(fail("is not a regular file, expected an .npz archive".into()));
        }
        let file = File::open(path).map_err(unopened)?;
        let (zip, members) = directory::open(file).map_err(fail)?;
        let inflatable = available_host_bytes().unwrap_or(u64::MAX).min(MAX_INFLATED_BYTES);
        Ok(Archive { path: path.to_owned(), zip, members, inflatable })
    }

    /// Bounds the bytes of compressed members inflated in all: [`MAX_INFLATED_BYTES`], or what memory the host has, unless set.
    pub fn with_limit(mut self, bytes: u64) -> Self {
        self.inflatable = bytes;
        self
    }

    /// The file it was opened from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The arrays' names, sorted, without `.npy`.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.members.keys().map(String::as_str)
    }

    /// Reads the array named `key` to its end.
    ///
    /// Fails where there is none (naming those there are), where its dtype is not one of [`Values`], where its
    /// bytes are not exactly those that its shape takes, where its checksum is wrong, and where inflating it would
    /// pass the limit.
    pub fn read(&mut self, key: &str) -> Result<Array> {
        let index = self.index(key)?;
        let read = read_member(&mut self.zip, index, &mut self.inflatable);
        read.map_err(|problem| self.fail(key, &problem))
    }

    /// Bytes of the member named `key`, header included, as it declares them.
    pub(in crate::data) fn bytes(&self, key: &str) -> Result<u64> {
        let entry = self.zip.by_index_data(self.index(key)?);
        entry.map(|entry| entry.size()).map_err(|e| self.fail(key, &format!("cannot be found: {e}")))
    }

    /// Maps the array named `key`, having checked what [`Archive::read`] does: its shape and values.
    pub(in crate::data) fn map(&mut self, key: &str) -> Result<Result<(Vec<usize>, Mapped), Unmapped>> {
        let index = self.index(key)?;
        Ok(map_member(&mut self.zip, index, &self.path))
    }

    fn index(&self, key: &str) -> Result<usize> {
        self.members
            .get(key)
            .copied()
            .ok_or_else(|| Error::file(&self.path, format!("has no array {key}, only {}", self.found())))
    }

    fn fail(&self, key: &str, problem: &str) -> Error {
        Error::file(&self.path, format!("{}: {problem}", shown(key)))
    }

    fn found(&self) -> String {
        let mut named: Vec<String> = self.keys().take(MAX_KEYS_NAMED).map(shown).collect();
        match self.members.len() {
            0 => return "an empty list of them".into(),
            all if all > named.len() => named.push(format!("and {} more", all - named.len())),
            _ => {}
        }
        named.join(", ")
    }
}

fn read_member(zip: &mut Zip, index: usize, inflatable: &mut u64) -> Result<Array, String> {
    let entry = zip.by_index_data(index).map_err(|e| format!("cannot be found: {e}"))?;
    let (bytes, stored) = (entry.size(), entry.compressed_size());
    if entry.encrypted() {
        return Err(ENCRYPTED.into());
    }
    let largest = match entry.compression() {
        CompressionMethod::Stored => stored,
        CompressionMethod::Deflated => stored.saturating_mul(DEFLATE_MAX_RATIO),
        other => {
            return Err(format!(
                "is compressed by {other}, expected none or deflate; write it with np.savez"
            ));
        }
    };
    if bytes > largest {
        return Err(format!("declares {bytes} bytes, but its {stored} stored bytes hold at most {largest}"));
    }
    if entry.compression() == CompressionMethod::Stored {
        let available = available_host_bytes().unwrap_or(u64::MAX);
        if bytes > available {
            return Err(format!("takes {bytes} bytes, and the host has {available} available"));
        }
    } else {
        *inflatable = inflatable.checked_sub(bytes).ok_or_else(|| {
            format!(
                "declares {bytes} bytes, but only {inflatable} more are inflated from one file; save it uncompressed, \
                 with np.savez or np.save"
            )
        })?;
    }

    let mut member = zip.by_index(index).map_err(|e| format!("cannot be read: {e}"))?;
    let header = Header::read(&mut member)?;
    header.check_held(bytes)?;
    let values = read_values(&mut member, &header)?;
    // The checksum is compared when the reader meets the end.
    match member.read(&mut [0]) {
        Ok(0) => Ok(Array { shape: header.shape, values }),
        Ok(_) => Err(format!("holds more than the {bytes} bytes it declares")),
        Err(e) => Err(damaged(e)),
    }
}

fn map_member(zip: &mut Zip, index: usize, path: &Path) -> Result<(Vec<usize>, Mapped), Unmapped> {
    let lost = |e: &dyn std::fmt::Display| format!("cannot be found: {e}");
    let entry = zip.by_index_data(index).map_err(|e| lost(&e))?;
    let (bytes, stored, checksum) = (entry.size(), entry.compressed_size(), entry.crc32());
    if entry.encrypted() {
        return Err(Unmapped::Broken(ENCRYPTED.into()));
    }
    if entry.compression() != CompressionMethod::Stored {
        let problem = "is compressed, and only plain arrays can be mapped; save it with np.savez or np.save";
        return Err(Unmapped::Unsuited(problem.into()));
    }
    if bytes != stored {
        return Err(Unmapped::Broken(format!("declares {bytes} bytes, but {stored} are stored")));
    }
    let start = zip.by_index_raw(index).map_err(|e| lost(&e))?.data_start();
    let start = start.ok_or_else(|| lost(&"its place is unknown"))?;
    let file = File::open(path).map_err(|e| lost(&e))?;
    if bytes == 0 {
        return Err(Unmapped::Broken("is empty, expected a .npy array".into()));
    }
    npy::map_values(map(&file, start, bytes)?, Some(checksum))
}

pub(super) fn read_values(member: &mut impl Read, header: &Header) -> Result<Values, String> {
    let mut values = Values::empty(header.dtype.kind);
    let mut left = header.count * header.dtype.width;
    let mut chunk = vec![0; left.min(CHUNK_BYTES)];
    while left > 0 {
        let chunk = &mut chunk[..left.min(CHUNK_BYTES)];
        member.read_exact(chunk).map_err(damaged)?;
        values.append(header.dtype, chunk)?;
        left -= chunk.len();
    }
    let reorder = header.fortran_order && header.shape.len() > 1;
    Ok(if reorder { values.fortran_to_c(&header.shape) } else { values })
}

fn damaged(e: io::Error) -> String {
    match e.kind() {
        ErrorKind::UnexpectedEof => "ends before the bytes it declares; the file is damaged".into(),
        _ => format!("cannot be read ({e}); the file is damaged"),
    }
}
