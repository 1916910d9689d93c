use super::{ByCategory, Category};

/// Counts the bytes of the values that are still needed, action by action.
///
/// It learns of values from what the executor does, not from what the plan predicts, so that the two can be held
/// against each other.
#[derive(Debug, Clone, Default)]
pub struct LiveMeter {
    occupants: Vec<Option<(Category, u64)>>,
    live: ByCategory,
    trace: Vec<ByCategory>,
}

impl LiveMeter {
    /// A meter for a pool of `slots` slots, all of them empty.
    pub fn new(slots: usize) -> Self {
        LiveMeter { occupants: vec![None; slots], ..Self::default() }
    }

    /// Forgets the trace, keeping its memory. What lives stays.
    pub fn start(&mut self) {
        self.trace.clear();
    }

    /// A value of `bytes` bytes was written to `slot`.
    pub fn occupy(&mut self, slot: usize, category: Category, bytes: u64) {
        self.vacate(slot);
        self.occupants[slot] = Some((category, bytes));
        self.live[category] += bytes;
    }

    /// The value in `slot`, if there is one, is no longer needed.
    pub fn vacate(&mut self, slot: usize) {
        if let Some((category, bytes)) = self.occupants[slot].take() {
            self.live[category] -= bytes;
        }
    }

    /// Ends an action: notes what lives after it.
    pub fn sample(&mut self) {
        self.trace.push(self.live);
    }

    /// Live bytes after each action since [`LiveMeter::start`].
    pub fn trace(&self) -> &[ByCategory] {
        &self.trace
    }
}
