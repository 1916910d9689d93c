//! Builders of valid and hostile archives.

use ckpt_gpu::data::npz::{Archive, Array};
use ckpt_gpu::data::{Dataset, LoadOptions, LoadedData};
use ckpt_gpu::{Error, Result};
use std::fs;
use std::io::{Cursor, Write};
use std::path::PathBuf;
use tempfile::TempDir;
use zip::CompressionMethod::{self, Stored};
use zip::write::SimpleFileOptions;

/// A `.npy` file with this header text and data.
pub fn npy_text(text: &str, data: &[u8]) -> Vec<u8> {
    let length = (text.len() as u32).to_le_bytes();
    [b"\x93NUMPY\x02\x00", &length[..], text.as_bytes(), data].concat()
}

pub fn npy(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    npy_text(&format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n"), data)
}

pub fn le_f32(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

pub fn archive(method: CompressionMethod, members: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        zip.start_file(*name, SimpleFileOptions::default().compression_method(method)).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// Overwrites the first occurrence of `magic`, `offset` bytes after its start.
pub fn patch(bytes: &mut [u8], magic: &[u8], offset: usize, with: &[u8]) {
    let at = bytes.windows(magic.len()).position(|w| w == magic).unwrap() + offset;
    bytes[at..at + with.len()].copy_from_slice(with);
}

pub const LOCAL: &[u8] = b"PK\x03\x04";
pub const CENTRAL: &[u8] = b"PK\x01\x02";

pub struct Scratch(pub TempDir);

impl Scratch {
    pub fn new() -> Scratch {
        Scratch(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn file(&self, bytes: &[u8]) -> PathBuf {
        let path = self.path("a.npz");
        fs::write(&path, bytes).unwrap();
        path
    }

    pub fn read(&self, bytes: &[u8], key: &str) -> Result<Array> {
        Archive::open(&self.file(bytes))?.read(key)
    }

    pub fn load(&self, members: &[(&str, Vec<u8>)]) -> Result<Dataset> {
        Dataset::load(&self.file(&archive(Stored, members)))
    }

    pub fn load_with(&self, members: &[(&str, Vec<u8>)], options: &LoadOptions) -> Result<LoadedData> {
        Dataset::load_noting(&self.file(&archive(Stored, members)), options)
    }
}

/// Asserts that the error names the file and contains every one of `words`.
#[track_caller]
pub fn refused<T>(result: Result<T>, words: &[&str]) {
    let Err(error) = result else { panic!("accepted, expected an error with {words:?}") };
    assert!(matches!(error, Error::File { .. }), "{error:?}");
    let message = error.to_string();
    for word in words.iter().chain(&[".npz"]) {
        assert!(message.contains(word), "no {word:?} in: {message}");
    }
    assert!(message.len() < 500, "{} bytes: {message}", message.len());
}
