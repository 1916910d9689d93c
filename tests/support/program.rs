//! Runs the program in a temporary directory with a small dataset.

#![allow(dead_code, reason = "each test binary uses its own part")]

use std::fs;
use std::io::{Cursor, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use ckpt_gpu::data::npz::{self, Entry};
use serde_json::Value;
use tempfile::TempDir;
use zip::CompressionMethod;
use zip::write::SimpleFileOptions;

/// One epoch of three steps of eight samples, with four layers.
pub const SMALL: &str = "--preset accuracy --data small.npz --layers 6,5x3,3 --batch 8 --epochs 1 --lr 0.5";
/// Hides every Vulkan driver, so that a GPU is found through Metal or DX12 only.
pub const NO_DRIVERS: [(&str, &str); 2] =
    [("VK_DRIVER_FILES", "/nonexistent/icd.json"), ("VK_ICD_FILENAMES", "/nonexistent/icd.json")];

const TRAIN: usize = 24;
const TEST: usize = 9;
pub const FEATURES: usize = 6;

/// Result of running the program.
#[derive(Debug)]
pub struct Outcome {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// A temporary directory that holds `small.npz`.
pub struct Folder(TempDir);

impl Folder {
    pub fn new() -> Self {
        let folder = Folder(tempfile::tempdir().unwrap());
        folder.write_npz("small.npz", &small_data(3));
        folder
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path(name), bytes).unwrap();
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    /// Writes float arrays under their keys.
    pub fn write_npz(&self, name: &str, arrays: &[(&str, Vec<usize>, Vec<f32>)]) {
        let entries: Vec<_> = (arrays.iter())
            .map(|(key, shape, values)| Entry {
                key: (*key).to_owned(),
                shape: shape.clone(),
                values: values.into(),
            })
            .collect();
        npz::write(&self.path(name), &entries).unwrap();
    }

    /// The program in this directory with these arguments, split at spaces.
    pub fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ckpt-gpu"));
        command.current_dir(self.0.path()).args(arguments.split_whitespace()).stdin(Stdio::null());
        command
    }

    pub fn run(&self, arguments: &str) -> Outcome {
        outcome(&mut self.command(arguments))
    }

    pub fn run_without_drivers(&self, arguments: &str) -> Outcome {
        outcome(self.command(arguments).envs(NO_DRIVERS))
    }

    /// Events of `train --json`, which must succeed.
    #[track_caller]
    pub fn train(&self, arguments: &str) -> Vec<Value> {
        self.run(&format!("train --json {arguments}")).succeeded().events()
    }

    /// Hash of the parameters after `train`.
    #[track_caller]
    pub fn hash(&self, arguments: &str) -> String {
        let events = self.train(arguments);
        let hash = events.iter().rev().find_map(|event| event["weights_sha256"].as_str());
        hash.unwrap().to_owned()
    }

    /// Names and contents of the files in subdirectory `name`, which must have no temporary files.
    pub fn contents(&self, name: &str) -> Vec<(String, Vec<u8>)> {
        let entries = fs::read_dir(self.path(name)).unwrap().map(|entry| entry.unwrap());
        let mut files: Vec<_> = (entries)
            .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
            .collect();
        files.sort();
        assert!(files.iter().all(|(name, _)| !name.starts_with('.')), "something is left over");
        files
    }

    /// Names of the files except `small.npz`.
    pub fn files(&self) -> Vec<String> {
        let names = fs::read_dir(self.0.path()).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
        names.retain(|name| name != "small.npz");
        names.sort();
        names
    }
}

impl Outcome {
    #[track_caller]
    pub fn succeeded(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:#?}");
        self
    }

    /// Asserts that it exited with `code`, without a panic or results, and with a message that contains each of `words`.
    #[track_caller]
    pub fn refused(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:#?}");
        assert!(!self.stderr.contains("panicked"), "{self:#?}");
        assert!(!self.stdout.contains("epoch") && !self.stdout.contains("sha256"), "{self:#?}");
        for word in words {
            assert!(self.stderr.contains(word), "no {word:?} in {self:#?}");
        }
    }

    /// [`Outcome::refused`], before training started.
    #[track_caller]
    pub fn refused_at_once(&self, code: i32, words: &[&str]) {
        self.refused(code, words);
        assert_eq!(self.stdout, "", "{self:#?}");
        assert!(!self.stderr.lines().any(|line| line.starts_with("training ")), "{self:#?}");
    }

    /// Lines of stdout, each of which must be a JSON object.
    #[track_caller]
    pub fn events(&self) -> Vec<Value> {
        let line = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let events: Vec<Value> = self.stdout.lines().map(line).collect();
        assert!(events.iter().all(Value::is_object), "{self:#?}");
        events
    }
}

pub fn outcome(command: &mut Command) -> Outcome {
    let output = command.output().unwrap();
    Outcome {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Four arrays of floats, with labels below `classes`.
pub fn small_data(classes: usize) -> Vec<(&'static str, Vec<usize>, Vec<f32>)> {
    let inputs = |samples: usize| (0..samples * FEATURES).map(|n| (n * n % 37) as f32 / 37.0).collect();
    let labels = |samples: usize| (0..samples).map(|n| (n % classes) as f32).collect();
    vec![
        ("x_train", vec![TRAIN, FEATURES], inputs(TRAIN)),
        ("y_train", vec![TRAIN], labels(TRAIN)),
        ("x_test", vec![TEST, FEATURES], inputs(TEST)),
        ("y_test", vec![TEST], labels(TEST)),
    ]
}

/// An archive of one array with this type and shape in its header, whatever its bytes are.
pub fn crafted(key: &str, descr: &str, shape: &str, data: &[u8], method: CompressionMethod) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
    let length = (header.len() as u16).to_le_bytes();
    let member = [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), data].concat();
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file(format!("{key}.npy"), SimpleFileOptions::default().compression_method(method)).unwrap();
    zip.write_all(&member).unwrap();
    zip.finish().unwrap().into_inner()
}
