use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::ByCategory;

/// The account of the buffers that exist.
///
/// Every device buffer holds a [`LedgerEntry`] for as long as it lives, so the account cannot forget one. Clones
/// share one account.
#[derive(Debug, Clone, Default)]
pub struct Ledger(Arc<Mutex<Account>>);

#[derive(Debug, Default)]
struct Account {
    allocated: ByCategory,
    at_peak: ByCategory,
    allocations: u64,
}

impl Ledger {
    /// An account with nothing in it.
    pub fn new() -> Self {
        Self::default()
    }

    /// Books a buffer of `bytes` bytes in all until the entry is dropped.
    pub fn book(&self, bytes: ByCategory) -> LedgerEntry {
        let mut account = self.account();
        account.allocations += 1;
        account.allocated += bytes;
        if account.allocated.total() > account.at_peak.total() {
            account.at_peak = account.allocated;
        }
        LedgerEntry { ledger: self.clone(), bytes }
    }

    /// Bytes of the buffers that exist now.
    pub fn allocated(&self) -> ByCategory {
        self.account().allocated
    }

    /// Bytes of the buffers that existed when their total was highest.
    pub fn at_peak(&self) -> ByCategory {
        self.account().at_peak
    }

    /// How many buffers were ever made.
    pub fn allocations(&self) -> u64 {
        self.account().allocations
    }

    fn account(&self) -> MutexGuard<'_, Account> {
        // Every update is a few additions that cannot panic, so a poisoned account is still a true one.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One buffer's place in a [`Ledger`]; dropping it gives the bytes back.
#[derive(Debug)]
pub struct LedgerEntry {
    ledger: Ledger,
    bytes: ByCategory,
}

impl Drop for LedgerEntry {
    fn drop(&mut self) {
        self.ledger.account().allocated -= self.bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::Category;

    #[test]
    fn the_peak_remembers_what_dropping_gives_back() {
        let ledger = Ledger::new();
        let first = ledger.book(ByCategory::of(Category::Batch, 100));
        let second = ledger.book(ByCategory::of(Category::Deltas, 30));
        drop(first);
        let third = ledger.book(ByCategory::of(Category::Staging, 7));

        assert_eq!(ledger.allocated().total(), 37);
        assert_eq!(ledger.at_peak().total(), 130);
        assert_eq!(ledger.at_peak()[Category::Batch], 100);
        assert_eq!(ledger.at_peak()[Category::Staging], 0);
        assert_eq!(ledger.allocations(), 3);
        drop((second, third));
        assert_eq!(ledger.allocated(), ByCategory::default());
    }
}
