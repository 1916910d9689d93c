//! Reading an archive, one member at a time.

use super::directory::{self, Zip};
use super::dtype::Array;
use super::header::Header;
use super::npy;
use super::shown::shown;
use crate::data::mapped::{MappedArray, Unmapped, map};
use crate::file;
use crate::memory::available_host_bytes;
use crate::{Error, Result};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use zip::CompressionMethod;

/// Bytes that one [`Archive`] inflates in total before it rejects the next compressed member: 8 GiB, or the
/// host's available memory if that is less.
pub const MAX_INFLATED_BYTES: u64 = 8 << 30;

/// Largest expansion of a deflate stream: 258 bytes from a length and a distance of one bit each.
const DEFLATE_MAX_RATIO: u64 = 1032;
const ENCRYPTED: &str = "is encrypted, expected an unencrypted member; save it without a password";
const MAX_KEYS_NAMED: usize = 20;

/// An open `.npz` archive, of which only the directory has been read.
pub struct Archive {
    path: PathBuf,
    zip: Zip,
    members: BTreeMap<String, usize>,
    inflatable: u64,
}

impl Archive {
    /// Opens `path` and reads its directory. Members that are not named `*.npy` are skipped.
    ///
    /// # Errors
    /// [`Error::File`] if the file is missing, is not a zip archive, or has too many members or two of the
    /// same name.
    pub fn open(path: &Path) -> Result<Archive> {
        let fail = |problem: String| Error::file(path, problem);
        let (zip, members) = directory::open(file::open(path)?).map_err(fail)?;
        let inflatable = available_host_bytes().unwrap_or(u64::MAX).min(MAX_INFLATED_BYTES);
        Ok(Archive { path: path.to_owned(), zip, members, inflatable })
    }

    /// Sets how many bytes of compressed members may be inflated in total. The default is
    /// [`MAX_INFLATED_BYTES`], or the host's available memory if that is less.
    pub fn with_limit(mut self, bytes: u64) -> Self {
        self.inflatable = bytes;
        self
    }

    /// File that it was opened from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Keys of the arrays, sorted: member names without `.npy`.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.members.keys().map(String::as_str)
    }

    /// Reads the whole array `key`.
    ///
    /// # Errors
    /// [`Error::File`] if there is no such array (the message lists those there are), if its dtype is none of
    /// [`Values`](super::Values), if it does not hold exactly the bytes that its shape takes, if its checksum
    /// is wrong, or if inflating it would exceed the limit.
    pub fn read(&mut self, key: &str) -> Result<Array> {
        let index = self.index(key)?;
        let read = read_member(&mut self.zip, index, &mut self.inflatable);
        read.map_err(|problem| self.fail(key, &problem))
    }

    /// Declared size of the array `key` in bytes, header included.
    pub(in crate::data) fn bytes(&self, key: &str) -> Result<u64> {
        let entry = self.zip.by_index_data(self.index(key)?);
        entry.map(|entry| entry.size()).map_err(|e| self.fail(key, &format!("cannot be found: {e}")))
    }

    /// Maps the array `key`, with the checks of [`Archive::read`].
    pub(in crate::data) fn map(&mut self, key: &str) -> Result<Result<MappedArray, Unmapped>> {
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
                "is compressed with {other}, expected no compression or deflate; write it with np.savez"
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
                "declares {bytes} bytes, expected at most {inflatable} more inflated from one file; save it uncompressed, \
                 with np.savez or np.save"
            )
        })?;
    }

    let mut member = zip.by_index(index).map_err(|e| format!("cannot be read: {e}"))?;
    let header = Header::read(&mut member)?;
    header.check_held(bytes)?;
    let values = npy::read_values(&mut member, &header)?;
    // The reader verifies the checksum when it reaches the end.
    match member.read(&mut [0]) {
        Ok(0) => Ok(Array { shape: header.shape, values }),
        Ok(_) => Err(format!("holds more than the {bytes} bytes it declares")),
        Err(e) => Err(npy::damaged(e)),
    }
}

fn map_member(zip: &mut Zip, index: usize, path: &Path) -> Result<MappedArray, Unmapped> {
    let lost = |e: &dyn std::fmt::Display| format!("cannot be found: {e}");
    let entry = zip.by_index_data(index).map_err(|e| lost(&e))?;
    let (bytes, stored, checksum) = (entry.size(), entry.compressed_size(), entry.crc32());
    if entry.encrypted() {
        return Err(Unmapped::Broken(ENCRYPTED.into()));
    }
    if entry.compression() != CompressionMethod::Stored {
        let problem =
            "is compressed, and only uncompressed arrays can be mapped; save it with np.savez or np.save";
        return Err(Unmapped::Unsuited(problem.into()));
    }
    if bytes != stored {
        return Err(Unmapped::Broken(format!("declares {bytes} bytes, but {stored} are stored")));
    }
    let start = zip.by_index_raw(index).map_err(|e| lost(&e))?.data_start();
    let start = start.ok_or_else(|| lost(&"its offset is unknown"))?;
    let file = File::open(path).map_err(|e| lost(&e))?;
    if bytes == 0 {
        return Err(Unmapped::Broken("is empty, expected a .npy array".into()));
    }
    npy::map_array(map(&file, start, bytes)?, Some(checksum))
}
