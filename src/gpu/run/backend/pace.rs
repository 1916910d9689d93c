use std::time::Duration;

/// Time of a submission: long enough to amortise its overhead, and short enough for a display that shares the device, and
/// not to trigger the driver's hang detection.
const HARDWARE_TIME: Duration = Duration::from_millis(4);
/// A software driver shares no display.
const SOFTWARE_TIME: Duration = Duration::from_millis(40);
/// A submission before anything is measured.
const FIRST: Amount = Amount { flops: 2_000_000_000, micro_batches: 8 };
const MOST_MICRO_BATCHES: usize = 256;
/// Most FLOPs: 4 ms of a device that is faster than all that there are.
const MOST_FLOPS: u64 = 1 << 40;
/// Most growth from one measurement to the next, which may have been disturbed.
const MOST_GROWTH: u64 = 4;

/// Recorded work.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Amount {
    pub flops: u64,
    pub micro_batches: usize,
}

/// Limit on the work in a submission: what the device does in a few milliseconds, by what it did last.
#[derive(Debug)]
pub struct Pace {
    time: Duration,
    most: Amount,
}

impl Pace {
    pub fn new(is_software: bool) -> Self {
        Pace { time: if is_software { SOFTWARE_TIME } else { HARDWARE_TIME }, most: FIRST }
    }

    /// `true` if `recorded` is to be submitted.
    pub fn is_enough(&self, recorded: Amount) -> bool {
        recorded.flops >= self.most.flops || recorded.micro_batches >= self.most.micro_batches
    }

    /// Notes that `done` took `elapsed`.
    pub fn note(&mut self, done: Amount, elapsed: Duration) {
        if done.flops == 0 {
            return;
        }
        let share = self.time.as_secs_f64() / elapsed.as_secs_f64().max(1e-6);
        let flops = (done.flops as f64 * share) as u64;
        let most = self.most.flops.saturating_mul(MOST_GROWTH).min(MOST_FLOPS);
        self.most = Amount { flops: flops.clamp(1, most), micro_batches: MOST_MICRO_BATCHES };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn submissions_take_the_time_that_they_should() {
        let mut pace = Pace::new(false);
        let micro_batch = 50_000_000;
        let of = |micro_batches: usize| Amount { flops: micro_batch * micro_batches as u64, micro_batches };
        let count = |pace: &Pace| (1..).find(|&count| pace.is_enough(of(count))).unwrap();
        assert_eq!(count(&pace), 8);
        // A micro-batch takes 0.1 ms.
        for _ in 0..4 {
            let done = count(&pace);
            pace.note(of(done), Duration::from_micros(100) * done as u32);
        }
        assert_eq!(count(&pace), 40);
        // Something else keeps the device busy for a while.
        pace.note(of(40), Duration::from_millis(40));
        assert_eq!(count(&pace), 4);
        pace.note(of(4), Duration::from_micros(400));
        assert_eq!(count(&pace), 16);
        // No measurement stops a run.
        pace.note(of(16), Duration::MAX);
        assert_eq!(count(&pace), 1);
        pace.note(of(1), Duration::ZERO);
        assert_eq!(pace.most.flops, MOST_GROWTH);
        // Nothing is learnt from what has no products.
        pace.note(Amount { flops: 0, micro_batches: 3 }, Duration::from_millis(4));
        assert_eq!(pace.most.flops, MOST_GROWTH);
        for _ in 0..40 {
            pace.note(of(1000), Duration::ZERO);
        }
        assert_eq!(pace.most.flops, MOST_FLOPS);
    }
}
