//! Keeping more states in bytes that are left over.

use super::{Intervals, Kept};

impl Intervals {
    /// `kept` and as many more states as `bytes` allow, those first that save most FLOPs per byte.
    ///
    /// A state that is added is held until its backward pass, which raises the peaks of all intervals after it; its own
    /// interval never takes more than before.
    pub fn fill(&self, kept: &Kept, bytes: u64) -> Kept {
        if kept.peak > bytes {
            return kept.clone();
        }
        // Most bytes held at any time from the interval that follows each state on.
        let at_loss = self.state_bytes[self.layers] + self.last_delta;
        let mut later = vec![0; self.layers + 1];
        let intervals: Vec<_> = self.with_bytes_before(&kept.states).collect();
        let mut most = intervals.last().map_or(0, |(_, before)| before + at_loss);
        for (interval, before) in intervals.iter().rev() {
            later[interval.start + 1..interval.end].fill(most);
            most = most.max(before + self.need(interval.clone()).most());
        }
        let mut is_kept = vec![false; self.layers + 1];
        kept.states.iter().for_each(|&state| is_kept[state] = true);
        let others = self.by_saving.iter().copied().filter(|&state| !is_kept[state]);
        let mut added = 0;
        let mut states = kept.states.clone();
        for state in others {
            let more = added + self.state_bytes[state];
            if self.state_flops[state] > 0 && later[state] + more <= bytes {
                added = more;
                states.push(state);
            }
        }
        states.sort_unstable();
        self.keeping(states)
    }
}
