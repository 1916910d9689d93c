use super::binder::Binder;
use super::thin_layers::Chain;
use crate::device::Task;
use crate::execute::Work;
use crate::gpu::pipelines::Dispatch;
use crate::plan::{Op, Value};
use crate::{Error, Result};

/// FLOPs of the products of `op`.
pub fn flops(op: Op, task: &Task) -> u64 {
    let layers = op.layers().map_or(0..0, |layers| layers.range());
    let forward: u64 = layers.map(|layer| task.network.layer(layer).forward_flops(task.micro_batch)).sum();
    match op {
        Op::ForwardBackward(_) => 3 * forward,
        Op::Backward(_) => 2 * forward,
        _ => forward,
    }
}

impl Binder<'_> {
    /// The dispatches of `work`, in order. `row` is its first in the table of thin layers.
    pub fn bind(&mut self, work: Work, row: usize) -> Result<Vec<Dispatch>> {
        let (state, delta) = (|index| work.slot(Value::State(index)), |index| work.slot(Value::Delta(index)));
        let thin = |layer: &usize| self.chains.filter(|chains| chains.fusion.place(*layer).is_some());
        let chain = work
            .op
            .layers()
            .and_then(|layers| thin(&layers.first).map(|chains| Chain::new(chains, layers, work, row)));
        let last = self.task.network.layers().len() - 1;
        match (work.op, chain) {
            (Op::Forward(_) | Op::Recompute(_), Some(chain)) => self.chain_forward(&chain),
            (Op::Forward(layers) | Op::Recompute(layers), None) => {
                let layer = layers.alone()?;
                self.forward(layer, state(layer)?, state(layer + 1)?)
            }
            (Op::Loss, _) => Ok(vec![self.loss(state(last + 1)?, delta(last)?)?]),
            (Op::Backward(_), Some(chain)) => self.chain_backward(&chain),
            (Op::ForwardBackward(_), Some(chain)) => self.chain_forward_backward(&chain),
            (op @ Op::ForwardBackward(_), None) => {
                Err(Error::internal(format!("{op}, which are not all thin")))
            }
            (Op::Backward(layers), None) => {
                let layer = layers.alone()?;
                let below = layer.checked_sub(1).map(delta).transpose()?;
                self.backward(layer, state(layer)?, delta(layer)?, below)
            }
            (Op::Score, _) => Ok(vec![self.score(state(last + 1)?)?]),
        }
    }
}
