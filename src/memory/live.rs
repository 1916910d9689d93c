use super::{ByCategory, Category};

/// Counts live bytes: those of the values that are still needed, after each action.
///
/// The executor reports values as they are written and released, so that the count is independent of the plan's
/// prediction.
#[derive(Debug, Clone, Default)]
pub struct LiveMeter {
    occupants: Vec<Option<(Category, u64)>>,
    live: ByCategory,
    trace: Vec<ByCategory>,
}

impl LiveMeter {
    /// A meter for a pool of `slots` empty slots.
    pub fn new(slots: usize) -> Self {
        LiveMeter { occupants: vec![None; slots], ..Self::default() }
    }

    /// Clears the trace, and keeps the live values.
    pub fn start(&mut self) {
        self.trace.clear();
    }

    /// Records that a value of `bytes` was written to `slot`.
    pub fn occupy(&mut self, slot: usize, category: Category, bytes: u64) {
        self.vacate(slot);
        self.occupants[slot] = Some((category, bytes));
        self.live[category] += bytes;
    }

    /// Records that the value in `slot`, if there is one, is no longer needed.
    pub fn vacate(&mut self, slot: usize) {
        if let Some((category, bytes)) = self.occupants[slot].take() {
            self.live[category] -= bytes;
        }
    }

    /// Ends an action: appends the live bytes to the trace.
    pub fn sample(&mut self) {
        self.trace.push(self.live);
    }

    /// Live bytes after each action since [`LiveMeter::start`].
    pub fn trace(&self) -> &[ByCategory] {
        &self.trace
    }
}
