use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use wgpu::{BufferUsages, MapMode, SubmissionIndex};

use super::buffer::Buffer;
use super::open::OpenDevice;
use crate::memory::Category;
use crate::{Error, Result};

/// Buffers for uploads.
pub const UPLOAD_BUFFERS: u64 = 2;

/// Host-visible buffers for uploads. They are filled alternately, so that the host writes one while the
/// device reads the other.
pub struct Uploads {
    buffers: Vec<Staging>,
    next: usize,
    bytes: u64,
}

/// Buffer through which results are read back.
pub struct Readback {
    staging: Staging,
    bytes: u64,
}

struct Staging {
    buffer: Buffer,
    mode: MapMode,
    mapping: Arc<Mapping>,
    /// Last submission that uses the buffer.
    used_by: Option<SubmissionIndex>,
}

/// State of mapping a buffer. The driver reports to whichever thread polls the device: with several runs on one device,
/// that may be another run's, and then the report arrives a moment after the submission is done.
#[derive(Default)]
struct Mapping {
    state: Mutex<MapState>,
    reported: Condvar,
}

#[derive(Debug, Default, Clone, Copy, PartialEq)]
enum MapState {
    #[default]
    Unmapped,
    Requested,
    Mapped,
    Failed,
}

/// Time to wait for a report before polling the device again.
const REPORT_WAIT: Duration = Duration::from_millis(10);

impl Mapping {
    fn set(&self, state: MapState) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
        self.reported.notify_all();
    }

    /// The state, after waiting at most `time` for a requested report.
    fn state(&self, time: Duration) -> MapState {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.reported.wait_timeout_while(state, time, |state| *state == MapState::Requested);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

impl Uploads {
    pub fn new(device: &OpenDevice, bytes: u64) -> Result<Self> {
        let usage = BufferUsages::MAP_WRITE | BufferUsages::COPY_SRC;
        let buffers: Vec<_> = (0..UPLOAD_BUFFERS)
            .map(|_| Staging::new(device, "upload", bytes, usage, MapMode::Write))
            .collect::<Result<_>>()?;
        buffers.iter().for_each(Staging::request_map);
        Ok(Uploads { buffers, next: 0, bytes })
    }

    /// Writes `parts` consecutively into the next buffer. Call [`Uploads::submitted`] once the copies from it
    /// are submitted.
    pub fn fill(&mut self, device: &OpenDevice, parts: &[&[u8]]) -> Result<&wgpu::Buffer> {
        let staging = &self.buffers[self.next];
        staging.wait(device)?;
        let mut view = staging.buffer.raw.get_mapped_range_mut(..).map_err(lost)?;
        let mut start = 0;
        for part in parts {
            view.slice(start..start + part.len()).copy_from_slice(part);
            start += part.len();
        }
        drop(view);
        staging.mapping.set(MapState::Unmapped);
        staging.buffer.raw.unmap();
        Ok(&staging.buffer.raw)
    }

    /// Notes that the copies from the buffer filled last were submitted as `submission`.
    pub fn submitted(&mut self, submission: SubmissionIndex) {
        self.buffers[self.next].map(submission);
        self.next = (self.next + 1) % self.buffers.len();
    }

    /// Copies `bytes` to the start of `target`, as [`Uploads::copy_to`].
    pub fn copy(&mut self, device: &OpenDevice, bytes: &[u8], target: &wgpu::Buffer) -> Result<()> {
        self.copy_to(device, bytes, target, 0)
    }

    /// Copies `bytes` to `target` from byte `offset`, a multiple of 4. Large transfers are split into pieces.
    /// The last word is padded with zeros.
    pub fn copy_to(
        &mut self,
        device: &OpenDevice,
        bytes: &[u8],
        target: &wgpu::Buffer,
        mut offset: u64,
    ) -> Result<()> {
        for piece in bytes.chunks(self.bytes as usize / 4 * 4) {
            let whole = piece.len().next_multiple_of(4);
            let source = self.fill(device, &[piece, &[0; 3][..whole - piece.len()]])?;
            let mut encoder = device.encoder();
            encoder.copy_buffer_to_buffer(source, 0, target, offset, whole as u64);
            let submission = device.queue.submit([encoder.finish()]);
            self.submitted(submission);
            offset += whole as u64;
        }
        device.check()
    }
}

impl Readback {
    pub fn new(device: &OpenDevice, bytes: u64) -> Result<Self> {
        let usage = BufferUsages::MAP_READ | BufferUsages::COPY_DST;
        Ok(Readback { staging: Staging::new(device, "readback", bytes, usage, MapMode::Read)?, bytes })
    }

    /// Reads `bytes` bytes of `source` from byte `start`, after everything submitted so far has finished.
    pub fn copy(
        &mut self,
        device: &OpenDevice,
        source: &wgpu::Buffer,
        start: u64,
        bytes: u64,
    ) -> Result<Vec<u8>> {
        let mut answer = Vec::with_capacity(bytes as usize);
        self.pieces(device, source, start, bytes, |piece| {
            answer.extend_from_slice(piece);
            Ok(())
        })?;
        Ok(answer)
    }

    /// As [`Readback::copy`], and passes to `take` as much at a time as the staging buffer holds.
    fn pieces(
        &mut self,
        device: &OpenDevice,
        source: &wgpu::Buffer,
        start: u64,
        bytes: u64,
        mut take: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let end = start + bytes;
        let mut offset = start;
        while offset < end {
            let piece = (end - offset).min(self.bytes / 4 * 4);
            let mut encoder = device.encoder();
            encoder.copy_buffer_to_buffer(source, offset, &self.staging.buffer.raw, 0, piece);
            let submission = device.queue.submit([encoder.finish()]);
            self.staging.map(submission);
            self.staging.wait(device)?;
            let view = self.staging.buffer.raw.get_mapped_range(..piece).map_err(lost)?;
            let taken = take(&view);
            drop(view);
            self.staging.buffer.raw.unmap();
            taken?;
            offset += piece;
        }
        Ok(())
    }

    /// Reads `count` values of `source` from byte `start`, after everything submitted so far has finished.
    pub fn floats(
        &mut self,
        device: &OpenDevice,
        source: &wgpu::Buffer,
        start: u64,
        count: usize,
    ) -> Result<Vec<f32>> {
        let mut answer = Vec::with_capacity(count);
        self.each_floats(device, source, start, count, |values| {
            answer.extend_from_slice(values);
            Ok(())
        })?;
        Ok(answer)
    }

    /// As [`Readback::floats`], and passes the values to `take` piece by piece.
    pub fn each_floats(
        &mut self,
        device: &OpenDevice,
        source: &wgpu::Buffer,
        start: u64,
        count: usize,
        mut take: impl FnMut(&[f32]) -> Result<()>,
    ) -> Result<()> {
        let mut values = Vec::new();
        self.pieces(device, source, start, 4 * count as u64, |bytes| {
            values.clear();
            values.extend(bytes.as_chunks().0.iter().map(|&chunk| f32::from_le_bytes(chunk)));
            take(&values)
        })
    }
}

impl Staging {
    fn new(device: &OpenDevice, label: &str, bytes: u64, usage: BufferUsages, mode: MapMode) -> Result<Self> {
        let buffer = device.buffer(Category::Staging, label, bytes, usage)?;
        Ok(Staging { buffer, mode, mapping: Arc::default(), used_by: None })
    }

    /// Requests that the buffer be mapped when `submission` has finished.
    fn map(&mut self, submission: SubmissionIndex) {
        self.used_by = Some(submission);
        self.request_map();
    }

    fn request_map(&self) {
        self.mapping.set(MapState::Requested);
        let mapping = Arc::clone(&self.mapping);
        self.buffer.raw.map_async(self.mode, .., move |outcome| {
            mapping.set(if outcome.is_ok() { MapState::Mapped } else { MapState::Failed });
        });
    }

    fn wait(&self, device: &OpenDevice) -> Result<()> {
        let mut state = self.mapping.state(Duration::ZERO);
        while state == MapState::Requested {
            device.wait(self.used_by.clone())?;
            state = self.mapping.state(REPORT_WAIT);
        }
        if state == MapState::Mapped {
            Ok(())
        } else {
            Err(Error::DeviceLost("a staging buffer could not be mapped".to_owned()))
        }
    }
}

fn lost(error: wgpu::MapRangeError) -> Error {
    Error::DeviceLost(error.to_string())
}
