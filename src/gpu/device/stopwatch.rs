use std::ops::Range;

use wgpu::{BufferUsages, CommandEncoder, ComputePass, ComputePassDescriptor, ComputePassTimestampWrites};

use super::buffer::Buffer;
use super::open::OpenDevice;
use super::transfer::Readback;
use crate::Result;
use crate::device::Span;
use crate::memory::Category;

/// Laps that are read back at once.
const LAPS: u32 = 256;
const TICKS_BYTES: u64 = 2 * size_of::<u64>() as u64;
pub const STOPWATCH_BYTES: u64 = LAPS as u64 * TICKS_BYTES;

/// Times laps with the device's clock. Each lap is a compute pass, as not every device has timestamps inside
/// passes.
pub struct Stopwatch {
    queries: wgpu::QuerySet,
    /// Buffer that the timestamps are resolved into.
    noted: Buffer,
    nanoseconds_per_tick: f64,
    /// Laps that have ended but are not read back yet.
    laps: u32,
    /// Start and end of each lap, in ticks of the device's clock.
    ticks: Vec<[u64; 2]>,
}

impl Stopwatch {
    pub fn new(device: &OpenDevice) -> Result<Self> {
        let queries = device.raw.create_query_set(&wgpu::QuerySetDescriptor {
            label: Some("laps"),
            ty: wgpu::QueryType::Timestamp,
            count: 2 * LAPS,
        });
        device.count_object();
        let usage = BufferUsages::QUERY_RESOLVE | BufferUsages::COPY_SRC;
        Ok(Stopwatch {
            queries,
            noted: device.buffer(Category::Workspace, "laps", STOPWATCH_BYTES, usage)?,
            nanoseconds_per_tick: device.queue.get_timestamp_period().into(),
            laps: 0,
            ticks: Vec::new(),
        })
    }

    /// Begins the compute pass of a lap.
    pub fn begin(&self, encoder: &mut CommandEncoder) -> ComputePass<'static> {
        let Range { start, end } = 2 * self.laps..2 * self.laps + 1;
        let timestamp_writes = Some(ComputePassTimestampWrites {
            query_set: &self.queries,
            beginning_of_pass_write_index: Some(start),
            end_of_pass_write_index: Some(end),
        });
        encoder.begin_compute_pass(&ComputePassDescriptor { label: None, timestamp_writes }).forget_lifetime()
    }

    /// Counts the lap whose pass has ended. Returns `true` if laps must be read before the next one begins.
    pub fn end(&mut self) -> bool {
        self.laps += 1;
        self.laps == LAPS
    }

    /// Records the resolve of all unread laps, for [`Stopwatch::read`].
    pub fn resolve(&self, encoder: &mut CommandEncoder) {
        if self.laps > 0 {
            encoder.resolve_query_set(&self.queries, 0..2 * self.laps, &self.noted.raw, 0);
        }
    }

    /// Reads the resolved laps back.
    pub fn read(&mut self, device: &OpenDevice, readback: &mut Readback) -> Result<()> {
        let bytes = readback.copy(device, &self.noted.raw, 0, u64::from(self.laps) * TICKS_BYTES)?;
        let words: Vec<u64> = bytes.as_chunks().0.iter().map(|&word| u64::from_le_bytes(word)).collect();
        self.ticks.extend_from_slice(words.as_chunks().0);
        self.laps = 0;
        Ok(())
    }

    /// Takes all laps since the last call.
    pub fn take(&mut self) -> Vec<Span> {
        let first = self.ticks.first().map_or(0, |[start, _]| *start);
        let since = |ticks: u64| (ticks.saturating_sub(first) as f64 * self.nanoseconds_per_tick) as u64;
        let spans = self.ticks.iter().map(|&[start, end]| Span { start: since(start), end: since(end) });
        let spans = spans.collect();
        self.ticks.clear();
        spans
    }
}
