//! A chain of layers, as a planner sees it.

use std::ops::Range;

use super::{Layers, Value};
use crate::model::Network;
use crate::{Error, Result, Setting};

/// Sizes and costs of `L` consecutive layers: all that a planner knows about a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// Bytes of states `s_0` to `s_L`, `[L + 1]`.
    pub state_bytes: Vec<u64>,
    /// Bytes of each layer's delta, `[L]`.
    pub delta_bytes: Vec<u64>,
    /// Cost of each layer's forward pass, `[L]`, in FLOPs or any other unit.
    pub forward_flops: Vec<u64>,
    /// Runs of layers that the device can run as one action, whole or in part, in ascending order; empty if it runs layer
    /// by layer. In a run that ends at `L + 1`, the loss counts as a layer after the last: such an action can go forward,
    /// compute the loss and go backward.
    pub fusible: Vec<Range<usize>>,
    /// Bytes of what the device keeps beside the pool for each op that runs a layer, `[L]`: a row of a kernel's table.
    /// Empty if it keeps nothing.
    pub row_bytes: Vec<u64>,
}

impl Chain {
    /// A chain of `layers` layers whose states and deltas all take `bytes` bytes, at `flops` FLOPs a layer.
    pub fn uniform(layers: usize, bytes: u64, flops: u64) -> Self {
        Chain {
            state_bytes: vec![bytes; layers + 1],
            delta_bytes: vec![bytes; layers],
            forward_flops: vec![flops; layers],
            fusible: Vec::new(),
            row_bytes: Vec::new(),
        }
    }

    /// The chain of `network` at micro-batches of `batch` samples.
    ///
    /// # Errors
    /// [`Error::DoesNotFit`] if a state has 2³² elements or more, which kernels could not index.
    pub fn of(network: &Network, batch: usize) -> Result<Self> {
        for (index, &width) in network.widths().iter().enumerate() {
            if batch.checked_mul(width).is_none_or(|elements| elements > u32::MAX as usize) {
                return Err(Error::DoesNotFit(format!(
                    "state {index} has {batch} × {width} elements, expected less than 2^32; \
                     use a smaller {} or {}",
                    Setting::Batch,
                    Setting::MicroBatch
                )));
            }
        }
        let bytes = |width: &usize| 4 * batch as u64 * *width as u64;
        Ok(Chain {
            state_bytes: network.widths().iter().map(bytes).collect(),
            delta_bytes: network.widths()[1..].iter().map(bytes).collect(),
            forward_flops: network.layers().map(|layer| layer.forward_flops(batch)).collect(),
            fusible: Vec::new(),
            row_bytes: Vec::new(),
        })
    }

    /// `true` if the device can run `layers` as one action.
    pub fn can_run(&self, layers: Layers) -> bool {
        let holds = |run: &Range<usize>| run.start <= layers.first && layers.end <= run.end;
        layers.count() == 1 || self.fusible.iter().any(holds)
    }

    /// `true` if the device can run `layers` forward and backward as one action.
    pub fn can_turn(&self, layers: Layers) -> bool {
        let with_loss = |run: &Range<usize>| run.start <= layers.first && run.end > self.layers();
        layers.end == self.layers() && self.fusible.iter().any(with_loss)
    }

    /// Bytes of `value`.
    pub fn bytes_of(&self, value: Value) -> u64 {
        match value {
            Value::State(state) => self.state_bytes[state],
            Value::Delta(layer) => self.delta_bytes[layer],
        }
    }

    /// Number of layers, `L`.
    pub fn layers(&self) -> usize {
        self.forward_flops.len()
    }
}
