use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::ByCategory;

/// Counts the bytes of existing device buffers, and records when each was allocated and freed.
///
/// Every device buffer holds a [`LedgerEntry`] for as long as it exists, so none can be forgotten. Clones share one
/// account.
#[derive(Debug, Clone)]
pub struct Ledger(Arc<Mutex<Account>>);

#[derive(Debug)]
struct Account {
    opened: Instant,
    allocated: ByCategory,
    at_peak: ByCategory,
    allocations: u64,
    events: Vec<LedgerEvent>,
}

/// Allocation or release of a buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerEvent {
    /// Time since the ledger was made.
    pub at: Duration,
    /// The buffer's name.
    pub label: Arc<str>,
    /// Its bytes.
    pub bytes: ByCategory,
    /// `true` for an allocation, `false` for a release.
    pub came: bool,
}

impl Default for Ledger {
    fn default() -> Self {
        Ledger(Arc::new(Mutex::new(Account {
            opened: Instant::now(),
            allocated: ByCategory::default(),
            at_peak: ByCategory::default(),
            allocations: 0,
            events: Vec::new(),
        })))
    }
}

impl Ledger {
    /// An empty ledger.
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts the buffer `label` of `bytes` until the entry is dropped.
    pub fn book(&self, label: &str, bytes: ByCategory) -> LedgerEntry {
        let label: Arc<str> = label.into();
        let mut account = self.account();
        account.allocations += 1;
        account.allocated += bytes;
        if account.allocated.total() > account.at_peak.total() {
            account.at_peak = account.allocated;
        }
        account.note(&label, bytes, true);
        LedgerEntry { ledger: self.clone(), label, bytes }
    }

    /// Bytes of the buffers that exist now.
    pub fn allocated(&self) -> ByCategory {
        self.account().allocated
    }

    /// Bytes of the buffers that existed when their total was highest.
    pub fn at_peak(&self) -> ByCategory {
        self.account().at_peak
    }

    /// Number of buffers allocated so far.
    pub fn allocations(&self) -> u64 {
        self.account().allocations
    }

    /// Allocations and releases so far, in order.
    pub fn events(&self) -> Vec<LedgerEvent> {
        self.account().events.clone()
    }

    fn account(&self) -> MutexGuard<'_, Account> {
        // The only panic under the lock is a failed allocation for the event, after the sums are updated, so a poisoned
        // account is still correct.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Account {
    fn note(&mut self, label: &Arc<str>, bytes: ByCategory, came: bool) {
        self.events.push(LedgerEvent { at: self.opened.elapsed(), label: Arc::clone(label), bytes, came });
    }
}

/// One buffer in a [`Ledger`], which counts it until this is dropped.
#[derive(Debug)]
pub struct LedgerEntry {
    ledger: Ledger,
    label: Arc<str>,
    bytes: ByCategory,
}

impl Drop for LedgerEntry {
    fn drop(&mut self) {
        let mut account = self.ledger.account();
        account.allocated -= self.bytes;
        account.note(&self.label, self.bytes, false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::Category;

    #[test]
    fn peak_includes_buffers_that_were_dropped() {
        let ledger = Ledger::new();
        let first = ledger.book("first", ByCategory::of(Category::Batch, 100));
        let second = ledger.book("second", ByCategory::of(Category::Deltas, 30));
        drop(first);
        let third = ledger.book("third", ByCategory::of(Category::Staging, 7));

        assert_eq!(ledger.allocated().total(), 37);
        assert_eq!(ledger.at_peak().total(), 130);
        assert_eq!(ledger.at_peak()[Category::Batch], 100);
        assert_eq!(ledger.at_peak()[Category::Staging], 0);
        assert_eq!(ledger.allocations(), 3);
        let events = ledger.events();
        let seen: Vec<_> =
            events.iter().map(|event| (&*event.label, event.bytes.total(), event.came)).collect();
        let expected =
            [("first", 100, true), ("second", 30, true), ("first", 100, false), ("third", 7, true)];
        assert_eq!(seen, expected);
        assert!(events.is_sorted_by_key(|event| event.at));
        drop((second, third));
        assert_eq!(ledger.allocated(), ByCategory::default());
    }
}
