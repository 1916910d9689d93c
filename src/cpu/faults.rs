use std::sync::atomic::{AtomicU64, Ordering};

use crate::device::Fault;

/// The earliest fault found by any thread.
pub(super) struct Faults(AtomicU64);

impl Faults {
    pub fn none() -> Self {
        Faults(AtomicU64::new(u64::MAX))
    }

    pub fn note(&self, batch: u32, place: u32) {
        self.0.fetch_min(u64::from(batch) << 32 | u64::from(place), Ordering::Relaxed);
    }

    pub fn first(&self, layers: usize) -> Option<Fault> {
        let noted = self.0.load(Ordering::Relaxed);
        (noted != u64::MAX).then(|| Fault::at((noted >> 32) as u32, noted as u32, layers))
    }
}
