//! The least recomputation under a budget, by trying everything: a shortest path over what may be held when.
//!
//! It shares nothing with the solver. A node is a set of states that are held and how far the step has come; an
//! edge runs one layer forward, drops a state, or takes the loss or one layer's backward. Only small chains.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use ckpt_gpu::plan::Chain;

pub struct Search<'a> {
    chain: &'a Chain,
    /// Bytes of each set of states; bit l stands for state l, and state 0 takes none.
    set_bytes: Vec<u64>,
}

impl<'a> Search<'a> {
    pub fn new(chain: &'a Chain) -> Self {
        let states = chain.layers() + 1;
        let set_bytes = (0..1usize << states).map(|set| {
            (1..states).filter(|state| set >> state & 1 == 1).map(|state| chain.state_bytes[state]).sum()
        });
        Search { chain, set_bytes: set_bytes.collect() }
    }

    /// The least FLOPs beyond one forward sweep, or nothing where `bytes` do not suffice.
    pub fn least_cost(&self, bytes: u64) -> Option<u64> {
        let layers = self.chain.layers();
        let sets = self.set_bytes.len();
        // How far: `layers + 1` before the loss, `l + 1` while delta l is there, 0 at the end.
        let mut least = vec![u64::MAX; sets * (layers + 2)];
        let mut heap = BinaryHeap::new();
        let mut visit = |cost: u64, set: usize, ahead: usize, heap: &mut BinaryHeap<_>| {
            if cost < least[ahead * sets + set] {
                least[ahead * sets + set] = cost;
                heap.push((Reverse(cost), set, ahead));
            }
        };
        visit(0, 1, layers + 1, &mut heap);
        while let Some((Reverse(cost), set, ahead)) = heap.pop() {
            if ahead == 0 {
                return Some(cost - self.chain.forward_flops.iter().sum::<u64>());
            }
            let delta = |layer: usize| self.chain.delta_bytes[layer];
            let before_loss = ahead == layers + 1;
            let held = if before_loss { 0 } else { delta(ahead - 1) };
            for state in 1..=layers {
                if set >> state & 1 == 1 {
                    visit(cost, set & !(1 << state), ahead, &mut heap);
                }
            }
            let furthest = if before_loss { layers } else { ahead - 1 };
            for layer in 0..furthest {
                let with = set | 1 << (layer + 1);
                if set >> layer & 1 == 1 && with != set && self.set_bytes[with] + held <= bytes {
                    visit(cost + self.chain.forward_flops[layer], with, ahead, &mut heap);
                }
            }
            if before_loss {
                if set >> layers & 1 == 1 && self.set_bytes[set] + delta(layers - 1) <= bytes {
                    visit(cost, set, layers, &mut heap);
                }
            } else {
                let layer = ahead - 1;
                let below = if layer > 0 { delta(layer - 1) } else { 0 };
                if set >> layer & 1 == 1 && self.set_bytes[set] + held + below <= bytes {
                    visit(cost, set, layer, &mut heap);
                }
            }
        }
        None
    }
}
