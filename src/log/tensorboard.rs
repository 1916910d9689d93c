use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crc::{CRC_32_ISCSI, Crc};
use prost::{Message, Oneof};

use super::Row;
use crate::Result;
use crate::file::unwritable;

const PREFIX: &str = "events.out.tfevents.";
/// Digits of the second in a name.
const SECOND_DIGITS: usize = 10;
/// File version of the first event. TensorBoard heeds [`SessionLog`] from this version on.
const VERSION: &str = "brain.Event:2";
/// `SessionLog.START`: earlier events of this step and later ones are void.
const START: i32 = 1;
const CRC32C: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);

/// The fields of `tensorflow.Event` that scalars need.
#[derive(Clone, PartialEq, Message)]
struct Event {
    /// Seconds since 1970.
    #[prost(double, tag = "1")]
    wall_time: f64,
    #[prost(int64, tag = "2")]
    step: i64,
    #[prost(oneof = "What", tags = "3, 5, 7")]
    what: Option<What>,
}

#[derive(Clone, PartialEq, Oneof)]
enum What {
    #[prost(string, tag = "3")]
    FileVersion(String),
    #[prost(message, tag = "5")]
    Summary(Summary),
    #[prost(message, tag = "7")]
    SessionLog(SessionLog),
}

/// `tensorflow.SessionLog`
#[derive(Clone, PartialEq, Message)]
struct SessionLog {
    #[prost(int32, tag = "1")]
    status: i32,
}

/// `tensorflow.Summary`
#[derive(Clone, PartialEq, Message)]
struct Summary {
    #[prost(message, repeated, tag = "1")]
    values: Vec<Scalar>,
}

/// `tensorflow.Summary.Value` of a scalar. `simple_value` is optional so that 0 is written, too.
#[derive(Clone, PartialEq, Message)]
struct Scalar {
    #[prost(string, tag = "1")]
    tag: String,
    #[prost(float, optional, tag = "2")]
    simple_value: Option<f32>,
}

/// An event file: a sequence of events as TFRecords.
#[derive(Debug)]
pub(super) struct Events {
    path: PathBuf,
    file: File,
    split: &'static str,
}

impl Events {
    /// Makes a file in the directory. TensorBoard reads files in the order of their names, which begin with the time.
    pub fn create(directory: &Path, split: &'static str, resumed_after: Option<u64>) -> Result<Self> {
        // After the files of earlier processes, even if the clock was set back meanwhile.
        let second = since_1970().as_secs().max(newest(directory).map_or(0, |second| second + 1));
        let (micros, process) = (since_1970().subsec_micros(), std::process::id());
        let name = format!("{PREFIX}{second:0SECOND_DIGITS$}.{micros:06}.{process}");
        let path = directory.join(name);
        let file = OpenOptions::new().write(true).create_new(true).open(&path);
        let file = file.map_err(|error| unwritable(&path, error))?;
        let mut events = Events { path, file, split };
        events.append(0, What::FileVersion(VERSION.to_owned()))?;
        if let Some(step) = resumed_after {
            events.append(step.saturating_add(1), What::SessionLog(SessionLog { status: START }))?;
        }
        Ok(events)
    }

    pub fn add(&mut self, row: &Row) -> Result<()> {
        let Row { step, epoch, loss, learning_rate, samples_per_second, test, memory } = *row;
        let [test_loss, test_accuracy] = ["loss", "accuracy"].map(|score| format!("{}/{score}", self.split));
        let scalars = [
            ("train/loss", Some(loss)),
            ("train/learning_rate", Some(learning_rate)),
            ("train/samples_per_second", Some(samples_per_second as f32)),
            ("train/epoch", Some(epoch as f32)),
            (&test_loss[..], test.map(|test| test.loss)),
            (&test_accuracy, test.and_then(|test| test.accuracy).map(|share| share as f32)),
            ("memory/planned_peak_bytes", memory.map(|bytes| bytes.planned as f32)),
            ("memory/counted_peak_bytes", memory.map(|bytes| bytes.counted as f32)),
        ];
        let values = scalars.into_iter().filter(|(_, value)| value.is_some());
        let values = values.map(|(tag, simple_value)| Scalar { tag: tag.to_owned(), simple_value });
        self.append(step, What::Summary(Summary { values: values.collect() }))
    }

    fn append(&mut self, step: u64, what: What) -> Result<()> {
        let event = Event { wall_time: since_1970().as_secs_f64(), step: step as i64, what: Some(what) };
        let record = record(&event.encode_to_vec());
        self.file.write_all(&record).map_err(|error| unwritable(&self.path, error))
    }
}

/// Second in the name of the newest event file in `directory`.
fn newest(directory: &Path) -> Option<u64> {
    let names = directory.read_dir().ok()?.flatten().map(|entry| entry.file_name());
    let second = |name: std::ffi::OsString| {
        let second = name.to_str()?.strip_prefix(PREFIX)?.split('.').next()?;
        // Longer ones are another program's.
        if second.len() == SECOND_DIGITS { second.parse::<u64>().ok() } else { None }
    };
    names.filter_map(second).max()
}

fn since_1970() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

/// A TFRecord: the length of `data`, its checksum, `data`, and its checksum.
fn record(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    [&length[..], &masked(&length), data, &masked(data)].concat()
}

/// A masked CRC32C, as TFRecord defines it for data that may itself hold checksums.
fn masked(data: &[u8]) -> [u8; 4] {
    CRC32C.checksum(data).rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes()
}
