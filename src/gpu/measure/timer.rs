use std::time::{Duration, Instant};

use wgpu::ComputePass;

use crate::Result;
use crate::gpu::device::{OpenDevice, Readback, STOPWATCH_BYTES, Stopwatch};

/// Timed runs, after one warm-up run. The fastest counts.
const RUNS: usize = 3;

/// Times compute passes by the device's clock, or by the host's if the device has none.
pub struct Timer(Option<(Stopwatch, Readback)>);

impl Timer {
    pub fn new(device: &OpenDevice) -> Result<Self> {
        let new = || Ok((Stopwatch::new(device)?, Readback::new(device, STOPWATCH_BYTES)?));
        Ok(Timer(device.limits().timestamps.then(new).transpose()?))
    }

    /// Least time of several runs of what `record` records, after a warm-up.
    pub fn time(&mut self, device: &OpenDevice, record: impl Fn(&mut ComputePass)) -> Result<Duration> {
        if let Some((stopwatch, readback)) = &mut self.0 {
            // Each run is its own submission, so that a slow device does not seem to hang.
            for run in 0..RUNS + 1 {
                let mut encoder = device.encoder();
                record(&mut stopwatch.begin(&mut encoder));
                stopwatch.end();
                if run == RUNS {
                    stopwatch.resolve(&mut encoder);
                }
                device.queue.submit([encoder.finish()]);
            }
            stopwatch.read(device, readback)?;
            let spans = stopwatch.take();
            let least = spans.iter().skip(1).map(|span| span.end.saturating_sub(span.start)).min();
            // A clock that does not advance tells nothing.
            if let Some(nanoseconds @ 1..) = least {
                return Ok(Duration::from_nanos(nanoseconds));
            }
        }
        time_by_host(device, record)
    }
}

/// Least time of several runs, each its own submission.
fn time_by_host(device: &OpenDevice, record: impl Fn(&mut ComputePass)) -> Result<Duration> {
    let mut least = Duration::MAX;
    for run in 0..RUNS + 1 {
        let mut encoder = device.encoder();
        let mut pass = encoder.begin_compute_pass(&Default::default());
        record(&mut pass);
        drop(pass);
        let started = Instant::now();
        let submission = device.queue.submit([encoder.finish()]);
        device.wait(Some(submission))?;
        // The first run is the warm-up.
        if run > 0 {
            least = least.min(started.elapsed());
        }
    }
    Ok(least)
}
