use std::ops::Range;

use super::update::Moving;
use super::zeros::zeros;
use crate::Result;
use crate::device::Task;
use crate::model::{Layer, LayerParameters, Parameters};

/// The state of one layer that outlives a step.
pub(super) struct LayerState {
    pub parameters: LayerParameters,
    /// Accumulated gradients; `None` if gradients update parameters as soon as they are summed.
    pub gradients: Option<LayerParameters>,
    /// Optimizer state, and the moving average of the parameters if there is one.
    pub moments: Vec<LayerParameters>,
}

impl LayerState {
    /// The state of layer `index`, from the parameters `start` and the optimizer state `moments`, which may be empty.
    pub fn new(task: &Task, index: usize, start: &Parameters, moments: &[Parameters]) -> Result<Self> {
        let layer = task.network.layer(index);
        let moments = (0..task.rule.moments()).map(|moment| match moments.get(moment) {
            Some(moment) => Ok(moment.layers[index].clone()),
            None => zeros_like(layer),
        });
        Ok(LayerState {
            parameters: start.layers[index].clone(),
            gradients: task.keeps_gradients().then(|| zeros_like(layer)).transpose()?,
            moments: moments.collect::<Result<_>>()?,
        })
    }

    /// Weights, bias, gain and shift with their moments, for an update.
    pub fn moving(&mut self) -> [Moving<'_>; 4] {
        let mut moments = self.moments.iter_mut();
        let mut moments = [(); 3].map(|()| match moments.next() {
            Some(moment) => moment.tensors_mut().map(|tensor| &mut tensor[..]).into_iter(),
            None => [(); 4].map(|()| &mut [][..]).into_iter(),
        });
        self.parameters.tensors_mut().map(|parameters| Moving {
            parameters,
            moments: moments.each_mut().map(|moment| moment.next().unwrap_or_default()),
        })
    }
}

impl<'a> Moving<'a> {
    /// Splits into chunks of `length` parameters, in order.
    pub fn chunks(self, length: usize) -> impl Iterator<Item = Moving<'a>> {
        let count = self.parameters.len();
        let mut rest = Some(self);
        (0..count).step_by(length).map_while(move |start| {
            let (piece, left) = rest.take()?.split_at(length.min(count - start));
            rest = Some(left);
            Some(piece)
        })
    }

    /// The parameters in `range`.
    pub fn slice(&mut self, range: Range<usize>) -> Moving<'_> {
        let moments = self
            .moments
            .each_mut()
            .map(|moment| if moment.is_empty() { &mut [][..] } else { &mut moment[range.clone()] });
        Moving { parameters: &mut self.parameters[range], moments }
    }

    fn split_at(self, middle: usize) -> (Moving<'a>, Moving<'a>) {
        let Moving { parameters, moments } = self;
        let (low, high) = parameters.split_at_mut(middle);
        let [first, second, third] = moments.map(|moment| {
            let middle = middle.min(moment.len());
            moment.split_at_mut(middle)
        });
        (
            Moving { parameters: low, moments: [first.0, second.0, third.0] },
            Moving { parameters: high, moments: [first.1, second.1, third.1] },
        )
    }
}

/// Zeros of the shapes of `layer`'s parameters.
fn zeros_like(layer: Layer) -> Result<LayerParameters> {
    let mut of_layer = LayerParameters::default();
    for (tensor, length) in of_layer.tensors_mut().into_iter().zip(layer.tensor_lengths()) {
        *tensor = zeros("gradients and moments", length)?;
    }
    Ok(of_layer)
}
