use std::ops::Range;

use super::fusion::Fusion;
use super::setup::Setup;
use super::thin_parameters::{ParameterOffsets, packed};
use crate::device::Piece;
use crate::gpu::device::{Buffer, OpenDevice, Readback};
use crate::memory::Category;
use crate::model::{LayerParameters, Network, Parameters};
use crate::{Error, Result};

/// Parameters of a network. Each layer that is not thin has buffers of its own; all thin layers share one.
pub struct Tensors {
    alone: Vec<Option<LayerTensors>>,
    together: Option<Buffer>,
}

/// Parameters of a layer that is not thin.
pub struct LayerTensors {
    pub weights: Buffer,
    pub bias: Buffer,
    /// Gain and then shift of the normalisation; `None` without a gain.
    pub norm: Option<Buffer>,
}

impl LayerTensors {
    /// All its buffers, in order.
    pub fn buffers(&self) -> impl Iterator<Item = &Buffer> {
        [&self.weights, &self.bias].into_iter().chain(&self.norm)
    }
}

impl Tensors {
    /// Allocates the buffers and uploads `parameters`.
    pub fn of(setup: &mut Setup, parameters: &Parameters, fusion: Option<&Fusion>) -> Result<Self> {
        let mut alone = Vec::new();
        let mut together: Vec<f32> = Vec::new();
        for (index, layer) in parameters.layers.iter().enumerate() {
            if place(fusion, index).is_some() {
                together.extend(packed(layer));
                alone.push(None);
                continue;
            }
            let mut tensor = |name: &str, values: &[f32]| {
                let (label, bytes) = (format!("{name}{index}"), size_of_val(values) as u64);
                setup.filled(Category::Parameters, &label, bytes, bytemuck::cast_slice(values))
            };
            let (weights, bias) = (tensor("W", &layer.weights)?, tensor("b", &layer.bias)?);
            let norm = [&layer.gain[..], &layer.shift].concat();
            let norm = (!norm.is_empty()).then(|| tensor("gain and shift ", &norm)).transpose()?;
            alone.push(Some(LayerTensors { weights, bias, norm }));
        }
        let together = fusion.map(|fusion| {
            let contents = bytemuck::cast_slice(&together);
            setup.filled(
                Category::Parameters,
                "parameters of thin layers",
                fusion.parameter_bytes(),
                contents,
            )
        });
        Ok(Tensors { alone, together: together.transpose()? })
    }

    /// Parameters of `layer`, which must not be thin.
    pub fn alone(&self, layer: usize) -> Result<&LayerTensors> {
        self.alone.get(layer).and_then(Option::as_ref).ok_or_else(|| missing(&format!("layer {layer} alone")))
    }

    /// Parameters of all thin layers.
    pub fn together(&self) -> Result<&Buffer> {
        self.together.as_ref().ok_or_else(|| missing("layers together"))
    }

    /// Reads all parameters back, and passes them to `take` in order.
    pub fn read(
        &self,
        device: &OpenDevice,
        readback: &mut Readback,
        network: &Network,
        fusion: Option<&Fusion>,
        take: &mut dyn FnMut(Piece) -> Result<()>,
    ) -> Result<()> {
        for (index, layer) in network.layers().enumerate() {
            match (&self.alone[index], &self.together, place(fusion, index)) {
                (Some(LayerTensors { weights, bias, norm }), ..) => {
                    let [_, _, gain, _] = layer.tensor_lengths();
                    let buffers = [Some((weights, 0)), Some((bias, 0))];
                    let norms = [0, gain].map(|start| norm.as_ref().map(|norm| (norm, start)));
                    let buffers = buffers.into_iter().chain(norms);
                    for (tensor, (buffer, length)) in buffers.zip(layer.tensor_lengths()).enumerate() {
                        let Some((buffer, offset)) = buffer else { continue };
                        let mut start = 0;
                        readback.each_floats(device, &buffer.raw, 4 * offset as u64, length, |values| {
                            take(Piece { layer: index, tensor, start, values })?;
                            start += values.len();
                            Ok(())
                        })?;
                    }
                }
                (None, Some(together), Some(place)) => {
                    let read = |range: Range<usize>| {
                        readback.floats(device, &together.raw, 16 * range.start as u64, 4 * range.len())
                    };
                    take_layer(index, &place.unpacked(layer, read)?, take)?;
                }
                _ => return Err(missing(&format!("layer {index}"))),
            }
        }
        Ok(())
    }
}

/// Passes the values `held` of layer `index` to `take`.
pub(super) fn take_layer(
    index: usize,
    held: &LayerParameters,
    take: &mut dyn FnMut(Piece) -> Result<()>,
) -> Result<()> {
    let mut tensors = held.tensors().into_iter().enumerate();
    tensors.try_for_each(|(tensor, values)| take(Piece { layer: index, tensor, start: 0, values }))
}

fn place(fusion: Option<&Fusion>, layer: usize) -> Option<ParameterOffsets> {
    fusion.and_then(|fusion| fusion.place(layer))
}

fn missing(what: &str) -> Error {
    Error::internal(format!("{what} lacks its parameter buffers"))
}
