//! The layout of thin layers' parameters in the buffers that all of them share.

use std::ops::Range;

use crate::Result;
use crate::model::{Layer, LayerParameters};

/// Offsets of a layer's parameters in a shared buffer, in units of `vec4f`: rows of weights, bias, gain and shift, each padded
/// with zeros to a multiple of four values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParameterOffsets {
    pub weights: usize,
    bias: usize,
    gain: usize,
    shift: usize,
    pub end: usize,
}

impl ParameterOffsets {
    /// Those of `layer`, from offset `weights` on.
    pub fn new(weights: usize, layer: Layer) -> Self {
        let [_, bias_length, gain_length, shift_length] = layer.tensor_lengths();
        let bias = weights + layer.outputs * layer.inputs.div_ceil(4);
        let gain = bias + bias_length.div_ceil(4);
        let shift = gain + gain_length.div_ceil(4);
        ParameterOffsets { weights, bias, gain, shift, end: shift + shift_length.div_ceil(4) }
    }

    /// The parameters of `layer`, whose offsets these are; `read` returns the values in a range of offsets.
    ///
    /// # Errors
    /// Those of `read`.
    pub fn unpacked(
        self,
        layer: Layer,
        mut read: impl FnMut(Range<usize>) -> Result<Vec<f32>>,
    ) -> Result<LayerParameters> {
        let mut rows = |range: Range<usize>, width: usize| match range.is_empty() {
            true => Ok(Vec::new()),
            false => read(range).map(|values| unpadded(&values, width)),
        };
        Ok(LayerParameters {
            weights: rows(self.weights..self.bias, layer.inputs)?,
            bias: rows(self.bias..self.gain, layer.outputs)?,
            gain: rows(self.gain..self.shift, layer.inputs)?,
            shift: rows(self.shift..self.end, layer.inputs)?,
        })
    }
}

/// `layer`'s parameters as they lie in the buffer.
pub fn packed(layer: &LayerParameters) -> impl Iterator<Item = f32> + '_ {
    let inputs = layer.weights.len() / layer.bias.len();
    let weights = padded(&layer.weights, inputs);
    weights.chain([&layer.bias, &layer.gain, &layer.shift].into_iter().flat_map(|row| padded(row, row.len())))
}

/// Rows of `width` values, each padded with zeros to a multiple of four.
fn padded(values: &[f32], width: usize) -> impl Iterator<Item = f32> + '_ {
    let padding = width.next_multiple_of(4) - width;
    values
        .chunks(width.max(1))
        .flat_map(move |row| row.iter().copied().chain(std::iter::repeat_n(0.0, padding)))
}

/// Inverse of [`padded`].
fn unpadded(values: &[f32], width: usize) -> Vec<f32> {
    values.chunks(width.next_multiple_of(4)).flat_map(|row| &row[..width]).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Activation, Loss, Network, Normalisation};

    #[test]
    fn packed_parameters_lie_at_their_offsets() {
        for normalisation in [None].into_iter().chain(Normalisation::ALL.map(Some)) {
            let network = Network::new(&[3, 5, 6, 4], Activation::Relu, Loss::Quadratic).unwrap();
            let network = network.with_normalisation(normalisation).unwrap();
            for layer in network.layers() {
                let mut next = 0.0;
                let tensors = layer.tensor_lengths().map(|length| {
                    let numbers = (0..length).map(|_| {
                        next += 1.0;
                        next
                    });
                    numbers.collect::<Vec<f32>>()
                });
                let parameters = LayerParameters::from(tensors);
                let numbers: Vec<f32> = packed(&parameters).collect();
                let place = ParameterOffsets::new(7, layer);
                assert_eq!(numbers.len(), 4 * (place.end - 7));
                let read =
                    |range: Range<usize>| Ok(numbers[4 * (range.start - 7)..4 * (range.end - 7)].to_vec());
                assert_eq!(place.unpacked(layer, read).unwrap(), parameters);
            }
        }
    }
}
