use std::ops::Range;

use super::update::Moving;
use super::zeros::zeros;
use crate::Result;
use crate::device::{Initial, Task};
use crate::model::{Layer, LayerParameters};

/// The state of one layer that outlives a step.
pub(super) struct LayerState {
    pub parameters: LayerParameters,
    /// Accumulated gradients; `None` if gradients update parameters as soon as they are summed.
    pub gradients: Option<LayerParameters>,
    /// Optimizer state, and the moving average of the parameters if there is one.
    pub moments: Vec<LayerParameters>,
}

impl LayerState {
    /// The state of each layer but for its parameters: gradients, and moments unless they are `given`.
    pub fn without_parameters(task: &Task, given: bool) -> Result<Vec<Self>> {
        let zeros = if given { 0 } else { task.rule.optimizer.moments() };
        let state = |layer| {
            Ok(LayerState {
                parameters: LayerParameters::default(),
                gradients: task.keeps_gradients().then(|| zeros_like(layer)).transpose()?,
                moments: (0..zeros).map(|_| zeros_like(layer)).collect::<Result<_>>()?,
            })
        };
        task.network.layers().map(state).collect()
    }

    /// Moves the values of `initial` into `layers`. A moving average that is not given begins with the parameters.
    pub fn begin(layers: &mut [Self], initial: &mut Initial, has_average: bool) {
        let Initial { parameters, moments } = std::mem::take(initial);
        let is_new = moments.is_empty();
        for moment in moments {
            layers.iter_mut().zip(moment.layers).for_each(|(layer, moment)| layer.moments.push(moment));
        }
        for (layer, parameters) in layers.iter_mut().zip(parameters.layers) {
            if has_average && is_new {
                layer.moments.push(parameters.clone());
            }
            layer.parameters = parameters;
        }
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
