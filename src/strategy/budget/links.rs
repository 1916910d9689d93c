//! Sizes in units of memory, as the solver counts them.

use std::ops::Range;

use crate::plan::Chain;

/// A chain with sizes in whole units of memory.
pub(super) struct Links {
    /// Units of each state; 0 for state 0, which is outside the pool.
    pub states: Vec<usize>,
    /// Units of each layer's delta.
    pub deltas: Vec<usize>,
    /// Cost of all layers before each state.
    cost_before: Vec<f64>,
}

impl Links {
    /// Converts `chain` to units of `unit` bytes. Sizes are rounded up, so that whatever fits in units fits
    /// in bytes.
    pub fn new(chain: &Chain, unit: u64) -> Self {
        let units = |bytes: &u64| bytes.div_ceil(unit) as usize;
        let mut states: Vec<usize> = chain.state_bytes.iter().map(units).collect();
        states[0] = 0;
        let mut cost_before = vec![0.0];
        for &flops in &chain.forward_flops {
            cost_before.push(cost_before[cost_before.len() - 1] + flops as f64);
        }
        Links { states, deltas: chain.delta_bytes.iter().map(units).collect(), cost_before }
    }

    /// Cost of running `layers` forward.
    pub fn cost(&self, layers: Range<usize>) -> f64 {
        self.cost_before[layers.end] - self.cost_before[layers.start]
    }

    /// Units that the backward pass of `layer` holds besides its state: its delta and the one below.
    pub fn backward_need(&self, layer: usize) -> usize {
        self.deltas[layer] + if layer > 0 { self.deltas[layer - 1] } else { 0 }
    }

    /// Units that the loss holds: the output and its delta.
    pub fn loss_need(&self) -> usize {
        self.states[self.deltas.len()] + self.deltas[self.deltas.len() - 1]
    }

    /// Most units held while `layers` run forward, besides the state that they start from.
    pub fn run_need(&self, layers: Range<usize>) -> usize {
        let input = |layer: usize| if layer > layers.start { self.states[layer] } else { 0 };
        layers.clone().map(|layer| input(layer) + self.states[layer + 1]).max().unwrap_or(0)
    }
}
