//! `plan --limits`: a GPU that is elsewhere.

use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::Deserialize;

use crate::config::DeviceChoice;
use crate::device::{DeviceInfo, DeviceLimits};
use crate::memory::{format_bytes, parse_bytes};
use crate::{Error, Result, Setting};

/// Where the limits of a GPU come from.
#[derive(Debug, Clone)]
pub(super) enum LimitsSource {
    /// The size of its largest buffer and binding, in bytes.
    Bytes(u64),
    /// A file that `devices --json` wrote.
    File(PathBuf),
}

/// A GPU to plan for.
pub(super) struct PlannedGpu {
    pub limits: DeviceLimits,
    pub info: DeviceInfo,
}

/// A line of the file. Other keys are passed over.
#[derive(Deserialize)]
struct Line {
    flag: String,
    device: Device,
    limits: Option<DeviceLimits>,
}

#[derive(Deserialize)]
struct Device {
    name: String,
}

impl FromStr for LimitsSource {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match parse_bytes(text) {
            Ok(0) => Err("found 0, expected a size of at least 1, or a file".to_owned()),
            Ok(bytes) => Ok(LimitsSource::Bytes(bytes)),
            Err(_) => Ok(LimitsSource::File(PathBuf::from(text))),
        }
    }
}

impl LimitsSource {
    /// The GPU that they describe: of a file, the first that `choice` would take.
    ///
    /// # Errors
    /// [`Error::Usage`] if `choice` is the CPU, [`Error::File`] for a file that cannot be read, or without such a GPU.
    pub fn gpu(&self, choice: DeviceChoice) -> Result<PlannedGpu> {
        if choice == DeviceChoice::Cpu {
            let problem =
                format!("describes a GPU, found {}; leave one of the two out", Setting::Device.with("cpu"));
            return Err(Error::usage(Setting::Limits, problem));
        }
        match self {
            LimitsSource::Bytes(bytes) => Ok(PlannedGpu {
                limits: DeviceLimits::with_buffers_of(*bytes),
                info: assumed(format!(
                    "a GPU with buffers and bindings of {}, and else WebGPU's default limits",
                    format_bytes(*bytes)
                )),
            }),
            LimitsSource::File(path) => in_file(path, choice),
        }
    }
}

impl PlannedGpu {
    /// One of which nothing is known.
    pub fn unknown() -> Self {
        let limits = DeviceLimits::default();
        let largest = format_bytes(limits.binding_bytes);
        PlannedGpu {
            limits,
            info: assumed(format!("a GPU with WebGPU's default limits, of {largest} a binding")),
        }
    }
}

/// A device that is only planned for.
fn assumed(name: String) -> DeviceInfo {
    DeviceInfo { name, kind: "assumed", backend: String::new(), driver: String::new() }
}

/// The first GPU of the file at `path` that `choice` would take.
fn in_file(path: &Path, choice: DeviceChoice) -> Result<PlannedGpu> {
    let text = fs::read_to_string(path).map_err(|error| {
        Error::file(
            path,
            format!("{error}; expected a size such as 8GiB, or a file that devices --json wrote"),
        )
    })?;
    let wanted = if choice == DeviceChoice::Software { "software" } else { "gpu" };
    let mut flags = Vec::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let Line { flag, device, limits } = serde_json::from_str(line).map_err(|error| {
            let place = format!("line {}, column {}", index + 1, error.column());
            Error::file(
                path,
                format!("{place}: found other text, expected a line that devices --json writes"),
            )
        })?;
        match limits {
            Some(limits) if flag == wanted && limits.are_possible() => {
                let name = format!("{} of {}", device.name, path.display());
                return Ok(PlannedGpu { limits, info: assumed(name) });
            }
            Some(_) if flag == wanted => {
                let problem = format!("line {}: found limits that no device has; write it again", index + 1);
                return Err(Error::file(path, problem));
            }
            _ => flags.push(flag),
        }
    }
    let found = if flags.is_empty() { "nothing".to_owned() } else { flags.join(", ") };
    let problem = format!(
        "found {found}, expected a line for {}, as devices --json writes it there",
        Setting::Device.with(wanted)
    );
    Err(Error::file(path, problem))
}
