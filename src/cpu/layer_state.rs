use std::ops::Range;

use super::update::Moving;
use super::zeros::zeros;
use crate::Result;
use crate::device::Task;
use crate::model::{Layer, LayerParameters, Parameters};

/// What outlives a step of one layer.
pub(super) struct LayerState {
    pub parameters: LayerParameters,
    /// None where gradients move parameters as soon as they are made.
    pub gradients: Option<LayerParameters>,
    /// What the optimizer remembers.
    pub moments: Vec<LayerParameters>,
}

impl LayerState {
    /// That of layer `index`, with `start` and what is remembered of it, `moments`, where anything is.
    pub fn new(task: &Task, index: usize, start: &Parameters, moments: &[Parameters]) -> Result<Self> {
        let layer = task.network.layer(index);
        let remembered = (0..task.rule.optimizer.moments()).map(|moment| match moments.get(moment) {
            Some(moment) => Ok(moment.layers[index].clone()),
            None => nothing(layer),
        });
        Ok(LayerState {
            parameters: start.layers[index].clone(),
            gradients: task.keeps_gradients().then(|| nothing(layer)).transpose()?,
            moments: remembered.collect::<Result<_>>()?,
        })
    }

    /// All that moves, its weights and its biases.
    pub fn moving(&mut self) -> [Moving<'_>; 2] {
        let LayerState { parameters: LayerParameters { weights, bias }, moments, .. } = self;
        let mut moments = moments.iter_mut();
        let [first, second] = [moments.next(), moments.next()].map(|moment| match moment {
            Some(LayerParameters { weights, bias }) => (&mut weights[..], &mut bias[..]),
            None => (&mut [][..], &mut [][..]),
        });
        [
            Moving { parameters: weights, moments: [first.0, second.0] },
            Moving { parameters: bias, moments: [first.1, second.1] },
        ]
    }
}

impl<'a> Moving<'a> {
    /// Cut into pieces of `length` parameters, in their order.
    pub fn chunks(self, length: usize) -> impl Iterator<Item = Moving<'a>> {
        let count = self.parameters.len();
        let mut rest = Some(self);
        (0..count).step_by(length).map_while(move |start| {
            let (piece, left) = rest.take()?.split_at(length.min(count - start));
            rest = Some(left);
            Some(piece)
        })
    }

    /// The parameters of `range` of these.
    pub fn slice(&mut self, range: Range<usize>) -> Moving<'_> {
        let [first, second] = self.moments.each_mut().map(|moment| match moment.is_empty() {
            true => &mut [][..],
            false => &mut moment[range.clone()],
        });
        Moving { parameters: &mut self.parameters[range], moments: [first, second] }
    }

    fn split_at(self, middle: usize) -> (Moving<'a>, Moving<'a>) {
        let Moving { parameters, moments } = self;
        let (low, high) = parameters.split_at_mut(middle);
        let [first, second] = moments.map(|moment| {
            let middle = middle.min(moment.len());
            moment.split_at_mut(middle)
        });
        (
            Moving { parameters: low, moments: [first.0, second.0] },
            Moving { parameters: high, moments: [first.1, second.1] },
        )
    }
}

/// As many zeros as `layer` has parameters.
fn nothing(layer: Layer) -> Result<LayerParameters> {
    Ok(LayerParameters {
        weights: zeros("gradients and moments", layer.inputs * layer.outputs)?,
        bias: zeros("gradients and moments", layer.outputs)?,
    })
}
