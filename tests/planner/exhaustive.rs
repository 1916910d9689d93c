//! Least recomputation under every budget, by exhaustive search for shortest paths.
//!
//! It shares no code with the solver. A node is a set of live states and the progress of the step; an edge
//! runs one layer forward, releases a state, or runs the loss or one layer backward. Of the paths to a node,
//! those are kept that no other beats in both cost and peak. It is feasible for small chains only.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use ckpt_gpu::plan::Chain;

/// A step that no other beats in both recomputation and peak.
struct Optimum {
    /// Cost beyond one forward pass.
    recomputation: u64,
    peak: u64,
}

pub struct Search {
    /// Optimal steps, cheapest first, with ever lower peaks.
    best: Vec<Optimum>,
}

impl Search {
    pub fn new(chain: &Chain) -> Self {
        let layers = chain.layers();
        let sets = 1usize << (layers + 1);
        // Bit l of a set stands for state l; state 0 takes no bytes.
        let set_bytes: Vec<u64> = (0..sets)
            .map(|set| {
                (1..=layers).filter(|state| set >> state & 1 == 1).map(|state| chain.state_bytes[state]).sum()
            })
            .collect();
        let once: u64 = chain.forward_flops.iter().sum();
        let mut best = Vec::new();
        // Remaining work: `layers + 1` before the loss, `l + 1` while delta l is live, 0 at the end.
        let mut least_peak = vec![u64::MAX; sets * (layers + 2)];
        let mut heap = BinaryHeap::from([Reverse((0, 0, layers + 1, 1))]);
        // Paths come cheapest first, so that a path is useless unless its peak is lower than those of all
        // before it.
        while let Some(Reverse((cost, peak, ahead, set))) = heap.pop() {
            if peak >= least_peak[ahead * sets + set] || peak >= least_peak[0] {
                continue;
            }
            if ahead == 0 {
                least_peak[0] = peak;
                best.push(Optimum { recomputation: cost - once, peak });
                continue;
            }
            least_peak[ahead * sets + set] = peak;
            let mut visit = |cost: u64, held: u64, ahead: usize, set: usize| {
                let peak = peak.max(held);
                if peak < least_peak[ahead * sets + set] {
                    heap.push(Reverse((cost, peak, ahead, set)));
                }
            };
            let has = |state: usize| set >> state & 1 == 1;
            let before_loss = ahead > layers;
            let delta = if before_loss { 0 } else { chain.delta_bytes[ahead - 1] };
            for state in (1..=layers).filter(|&state| has(state)) {
                visit(cost, 0, ahead, set & !(1 << state));
            }
            let furthest = if before_loss { layers } else { ahead - 1 };
            for layer in (0..furthest).filter(|&layer| has(layer) && !has(layer + 1)) {
                let with = set | 1 << (layer + 1);
                visit(cost + chain.forward_flops[layer], set_bytes[with] + delta, ahead, with);
            }
            if before_loss && has(layers) {
                let held = set_bytes[set] + chain.delta_bytes[layers - 1];
                visit(cost, held, layers, set & !(1 << layers));
            }
            if !before_loss && has(ahead - 1) {
                let layer = ahead - 1;
                let below = if layer > 0 { chain.delta_bytes[layer - 1] } else { 0 };
                // No state from here up is read again, and all ends are the same node.
                let left = if layer > 0 { set & ((1 << layer) - 1) } else { 0 };
                visit(cost, set_bytes[set] + delta + below, layer, left);
            }
        }
        Search { best }
    }

    /// Least cost beyond one forward pass in `bytes`; `None` if they do not suffice.
    pub fn least_cost(&self, bytes: u64) -> Option<u64> {
        self.best.iter().find(|step| step.peak <= bytes).map(|step| step.recomputation)
    }

    /// Bytes that the cheapest step needs, which recomputes nothing.
    pub fn store_all_bytes(&self) -> u64 {
        self.best[0].peak
    }
}
